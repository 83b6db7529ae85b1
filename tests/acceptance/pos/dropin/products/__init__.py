"""The project's own products."""
