"""Serves both halves: uvicorn with a deadline for each phase of a connection, and a WSGI application behind it.

A slow or silent client costs a file descriptor and never a thread (hazard 71): one event loop reads heads and bodies and writes
responses; the application gets a thread only for a request that has arrived whole.
"""

# The key in WSGI's environ of the address at which this machine took the connection; no header of a client has a dot.
LOCAL_ADDRESS = "etalase.local_address"
