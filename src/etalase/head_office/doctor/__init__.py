"""What the doctor of head office looks at."""
