"""The sync API over HTTP; the data come from :mod:`etalase.head_office.feed`."""
