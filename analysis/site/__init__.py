"""How pages become HTML, PDF and versions."""
