"""What the doctor of an edge looks at."""
