"""Checks the POS as a person uses it: real processes, real Chromium."""
