"""What is chosen, computed, stored and found."""
