"""Requests to a name in /etc/hosts while the name service is silent, in a network of its own. For root."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

# The name service answers no question, so that each takes 10 seconds; only the name in /etc/hosts is known.
SCRIPT = """
import socket, subprocess, sys, threading, time
from http.server import BaseHTTPRequestHandler, HTTPServer
from etalase.doctor import http

folder = sys.argv[1]
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
for name in ("hosts", "resolv.conf"):
    subprocess.run(["mount", "--bind", f"{folder}/{name}", f"/etc/{name}"], check=True)
silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
silent.bind(("127.0.0.1", 53))

class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

server = HTTPServer(("127.0.0.1", 0), Answer)
threading.Thread(target=server.serve_forever, daemon=True).start()
began = time.monotonic()
print(http.get(f"http://ho.example:{server.server_port}/", setting="ETALASE_HO_URL", seconds=30).status)
print(time.monotonic() - began)
sys.stdout.flush()
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes a network of its own")
def test_a_name_in_the_hosts_file_needs_no_name_service(tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("127.0.0.1 localhost ho.example\n")
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.1\n")
    command = ["unshare", "--net", "--mount", sys.executable, "-c", SCRIPT, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    status, seconds = done.stdout.split()
    assert status == "200"
    assert float(seconds) < 4, "the end of a request waited for the name service"
