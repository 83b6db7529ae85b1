"""Serves ``/metrics`` of the edge: the facts of the status as numbers, read from the database at each scrape."""
