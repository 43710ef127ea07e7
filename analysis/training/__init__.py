"""What a trainer takes into a run."""
