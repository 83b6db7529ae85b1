"""The bench: the same work done by Etalase, by the guide's algorithm, by rclone and by mc, and by a client that does no more.

``make bench``, or ``python -m bench --help``. docs/performance.md says what is measured and how.
"""
