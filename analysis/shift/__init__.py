"""Where the shift is measured, and what others use."""
