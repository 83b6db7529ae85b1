"""Serves the sync API over HTTP, with the data of :mod:`etalase.head_office.feed`."""
