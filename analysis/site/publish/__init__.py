"""Versions of the site side by side."""
