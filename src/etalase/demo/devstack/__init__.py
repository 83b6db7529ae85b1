"""The parts that Etalase stands on, as processes of this machine: PostgreSQL, an S3 server, Valkey, all from wheels.

The demo and the tests use them. Each process dies with the one that started it, also when that one is killed.
"""
