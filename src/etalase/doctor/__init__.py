"""The doctor of both halves: small checks, their runner, and the words for a person."""
