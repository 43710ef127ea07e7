"""Which photographs there are, and how they become pixels."""
