"""The interactive parts of the pages, one a module."""
