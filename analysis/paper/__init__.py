"""What a figure, a table, a number or a widget of the paper says."""
