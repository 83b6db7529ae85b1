"""The sync API: bodies in, answers out; what is true comes from :mod:`etalase.head_office.feed`."""
