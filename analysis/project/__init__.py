"""The project itself: where it lies, how it fails, what it fetches."""
