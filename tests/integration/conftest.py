"""What the integration tests of several rooms need."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Yields a disk of its own with room for 64 MiB. As root on Linux only."""
    folder = tmp_path / "small disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "etalase-tests", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("Only who may mount a file system can fill one.")
    yield folder
    # Lazily: a stopping server may still be closing its files.
    subprocess.run(["umount", "--lazy", folder], check=True)
