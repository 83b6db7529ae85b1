"""Finds Chromium for the browser tests, and installs its package as root on Debian where it is missing.

``make test`` runs this before pytest. Without a browser, those tests are skipped; if ``CI`` is true, they fail.
"""

import os
import shutil
import subprocess
import sys

from playwright._impl._driver import compute_driver_executable  # no public interface returns it

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# A browser without a font draws boxes; DejaVu has all of the Latin script. Playwright's own Node.js needs libatomic.
PACKAGES = ("chromium", "fonts-dejavu-core", "libatomic1")
INSTALL_SECONDS = 900
SKIPPED = (
    "tests/acceptance/pos/test_pos_page*.py are skipped: there is no Chromium here that can be driven. "
    "Install it (Debian: apt-get install chromium libatomic1), or name its program in the variable CHROMIUM."
)


def find() -> str | None:
    """Returns the path of the browser: ``CHROMIUM`` or the first on PATH; None if Playwright cannot drive one."""
    if not driver_starts():
        return None
    named = os.environ.get("CHROMIUM")
    for name in (named,) if named else NAMES:
        if path := shutil.which(name):
            return path
    return None


def driver_starts() -> bool:
    """Returns whether Playwright's driver starts: a fresh Debian lacks one of its libraries."""
    driver, _ = compute_driver_executable()
    return subprocess.run([driver, "--version"], capture_output=True, check=False).returncode == 0


def may_install() -> bool:
    """Returns whether this user can install a Debian package without a prompt."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install() -> str | None:
    """Installs Debian's package. Returns None, or the last lines of the error."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    steps = (["update"], ["install", "--yes", "--no-install-recommends", *PACKAGES])
    for step in steps:
        try:
            done = subprocess.run(
                ["apt-get", "-qq", *step],
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=INSTALL_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"apt-get {step[0]} did not end within {INSTALL_SECONDS} s"
        if done.returncode != 0:
            return "\n".join((done.stderr or done.stdout).strip().splitlines()[-5:])
    return None


def main() -> None:
    """Prints in one line which browser the tests will use, or which tests they will skip."""
    if find() is None and "CHROMIUM" not in os.environ and may_install():
        say("Chromium is missing: installing Debian's package ...")
        if problem := install():
            say(f"That failed:\n{problem}")
    say(f"Browser tests use {path}." if (path := find()) else SKIPPED)


def say(text: str) -> None:
    """Prints a line for the caller of ``make test``."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
