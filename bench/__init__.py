"""The bench: the same work by Etalase, the guide's algorithm, rclone, mc, and a client that only transfers bytes.

``make bench``, or ``python -m bench --help``. docs/performance.md describes the method.
"""
