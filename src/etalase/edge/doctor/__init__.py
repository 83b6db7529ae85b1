"""The doctor of an edge: its own checks."""
