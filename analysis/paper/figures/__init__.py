"""One figure a module: `draw` makes it from results."""
