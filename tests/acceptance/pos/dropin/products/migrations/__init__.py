"""Migrations of the project's own products."""
