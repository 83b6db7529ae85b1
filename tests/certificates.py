"""Makes a private certificate authority with openssl, like one that a chain runs."""

import subprocess
from pathlib import Path


def private_authority(folder: Path) -> Path:
    """Fills ``folder`` with ``ca.pem`` and two certificates with their keys: ``server.pem`` for 127.0.0.1, ``other.pem``."""

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    ours = ["-subj", "/CN=The chain's own authority", "-keyout", "ca.key", "-out", "ca.pem"]
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *ours)
    for name, alternative in (("server", "IP:127.0.0.1"), ("other", "DNS:elsewhere.example")):
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        (folder / "extensions").write_text(f"subjectAltName={alternative}\n")
        signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "extensions"]
        openssl("x509", "-req", "-in", f"{name}.csr", "-days", "1", *signed, "-out", f"{name}.crt")
        (folder / f"{name}.pem").write_bytes((folder / f"{name}.key").read_bytes() + (folder / f"{name}.crt").read_bytes())
    return folder
