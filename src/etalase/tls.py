"""Whom to trust: the certificates of this machine, for every TLS connection that curl makes."""

import os
import ssl
from typing import Final

# curl's wheel ignores SSL_CERT_FILE, and its own default is Debian's path.
CA_FILE: Final = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
