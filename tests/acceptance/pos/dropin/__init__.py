"""Somebody else's Django project, with products of its own, that has taken the edge in."""
