"""The doctor of head office: its own checks."""
