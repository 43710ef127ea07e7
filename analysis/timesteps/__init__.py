"""What t is, what noise is, and which steps matter."""
