"""Checks of what init has made on this machine: who may read its settings, and whether its services start with the machine.

Both are lost by a person's hand, and nothing else notices: a copied settings file, a service disabled for an hour's work.
"""

import re
import stat
from pathlib import Path

from etalase.doctor.check import Check, Fault

SETTINGS, UNITS = Path("/etc/etalase"), Path("/etc/systemd/system")
NOT_HERE = "init did not set up this machine"
# The folders of parts that may have disks of their own; only their room is asked for.
DATA = (Path("/var/lib/postgresql"), Path("/var/lib/etalase-seaweedfs"))


def checks(half: str) -> list[Check]:
    """Returns the checks of ``half``, as typed on the command line, and of the object store."""
    return [
        Check("settings_file", lambda: settings_file(SETTINGS, half)),
        Check("starts_at_boot", lambda: starts_at_boot(UNITS, half)),
    ]


def settings_file(folder: Path, half: str) -> str:
    """Checks that only root may read the settings, and only the object store's user its own."""
    found = [path for name in (f"{half}.env", "seaweedfs.env", "seaweedfs.json") if (path := folder / name).exists()]
    for path in found:
        mode = stat.S_IMODE(path.stat().st_mode)
        allowed = 0o600 if path.suffix == ".env" else 0o640
        if mode & ~allowed & 0o077:
            raise Fault(
                f"{path} has mode {mode:o}: other users of this machine may read or change its passwords.",
                hint=f"chmod {allowed:o} {path}",
            )
    return ", ".join(map(str, found)) or NOT_HERE


def starts_at_boot(folder: Path, half: str) -> str:
    """Checks that each unit that init enables is still enabled."""
    units = [*folder.glob(f"etalase-{half}-*.service"), *folder.glob(f"etalase-{half}-*.timer")]
    units += folder.glob("etalase-seaweedfs.service")
    enabled = []
    for unit in sorted(units):
        targets = re.findall(r"^WantedBy=(\S+)$", unit.read_text(), re.MULTILINE)
        if not all((folder / f"{target}.wants" / unit.name).is_symlink() for target in targets):
            raise Fault(
                f"{unit.name} is disabled: after the next start of this machine it does not run.",
                hint=f"systemctl enable --now {unit.name}",
            )
        enabled += [unit.name] if targets else []
    return ", ".join(enabled) or NOT_HERE
