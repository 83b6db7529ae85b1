"""Finds Chromium for the browser tests, and installs its package as root on Debian where it is missing.

``make test`` runs this before pytest. Without a browser, those tests are skipped; if ``CI`` is true, they fail.
Chromium without windows is preferred: the same engine, but a page costs 0.15 s of CPU instead of 0.8 s, because Chromium
opens a whole browser window for each.
"""

import os
import shutil
import subprocess
import sys

from playwright._impl._driver import compute_driver_executable  # no public interface returns it

WITHOUT_WINDOWS = "chromium-headless-shell"
NAMES = (WITHOUT_WINDOWS, "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# A browser without a font draws boxes; DejaVu has all of the Latin script. Playwright's own Node.js needs libatomic.
PACKAGES = ("chromium", "fonts-dejavu-core", "libatomic1")
INSTALL_SECONDS = 900
QUICKER_SECONDS = 120  # the tests can do without
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


def install(*packages: str, seconds: int) -> str | None:
    """Installs Debian's packages, each step within ``seconds``. Returns None, or the last lines of the error."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    steps = (["update"], ["install", "--yes", "--no-install-recommends", *packages])
    for step in steps:
        try:
            done = subprocess.run(
                ["apt-get", "-qq", *step],
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"apt-get {step[0]} did not end within {seconds} s"
        if done.returncode != 0:
            return "\n".join((done.stderr or done.stdout).strip().splitlines()[-5:])
    return None


def main() -> None:
    """Prints in one line which browser the tests will use, or which tests they will skip."""
    if "CHROMIUM" not in os.environ and may_install():
        if find() is None:
            say("Chromium is missing: installing Debian's package ...")
            if problem := install(*PACKAGES, seconds=INSTALL_SECONDS):
                say(f"That failed:\n{problem}")
        if find() and shutil.which(WITHOUT_WINDOWS) is None:
            say("Installing Chromium without windows, which makes the browser tests quicker ...")
            if problem := install(WITHOUT_WINDOWS, seconds=QUICKER_SECONDS):
                say(f"The tests use Chromium with windows, because that failed:\n{problem}")
    say(f"Browser tests use {path}." if (path := find()) else SKIPPED)


def say(text: str) -> None:
    """Prints a line for the caller of ``make test``."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
