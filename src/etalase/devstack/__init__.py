"""Runs real PostgreSQL, S3 and Valkey as processes of this machine, for ``etalase demo`` and for the tests.

Each service has a module with ``start(data_dir, ...)``, which returns an object with ``stop()`` once the service responds.
:mod:`.process` starts them and any other program that must not outlive its starter. The data stay in ``data_dir`` for the next
start, also after a crash. Services listen on 127.0.0.1 only and require a password.

An S3 server of another make needs a module that returns the same :class:`.s3.S3Server`, and a line in :mod:`.makes`.
"""
