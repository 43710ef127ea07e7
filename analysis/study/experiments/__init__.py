"""What was run once for the paper and is committed: trainings, sweeps, simulations, a table."""
