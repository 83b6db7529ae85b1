"""The POS as a person meets it: real processes, real Chromium."""
