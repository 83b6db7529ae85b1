"""Serves ``/metrics`` of head office: requests counted over all server processes, and facts read from the database."""
