"""What a figure or a number was made from."""
