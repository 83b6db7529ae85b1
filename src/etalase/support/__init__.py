"""The support bundle of both halves: one file with all that a supporter asks for, without secrets."""
