"""Puts a CycloneDX list of the locked packages into the wheel, as PEP 770 has it: ``.dist-info/sboms/etalase.cdx.json``."""

import json
import os
import re
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# The locks of the installations that `make dist` delivers, by the extra that each locks.
LOCKS = {"standalone": "requirements/edge.txt", "head-office": "requirements/head-office.txt"}


class SbomHook(BuildHookInterface):
    """Writes the list at each build, so that it cannot differ from the locks."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Adds the list to the wheel."""
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "etalase.cdx.json"
        path.write_text(json.dumps(sbom(Path(self.root), self.metadata), indent=1, sort_keys=True) + "\n")
        build_data["sbom_files"].append(str(path))

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Removes the list's temporary file."""
        self.folder.cleanup()


def sbom(root: Path, metadata: Any) -> dict[str, Any]:
    """Returns the CycloneDX object: Etalase, and each package of the locks with the extras that need it."""
    users: dict[tuple[str, str], list[str]] = {}
    for extra, lock in LOCKS.items():
        for pin in re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", (root / lock).read_text(), re.MULTILINE):
            users.setdefault(pin, []).append(extra)
    refs = {name: f"pkg:pypi/{name}@{number}" for name, number in users}
    extras = metadata.core.optional_dependencies
    declared = [*metadata.core.dependencies, *(line for extra in LOCKS for line in extras[extra])]
    direct = {match[0].lower().replace("_", "-") for line in declared if (match := re.match(r"[\w-]+", line))}
    made = datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", "0")), UTC)
    own = f"pkg:pypi/etalase@{metadata.version}"
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": made.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {
                "bom-ref": own,
                "type": "application",
                "name": "etalase",
                "version": metadata.version,
                "purl": own,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            },
        },
        "components": [
            {
                "bom-ref": refs[name],
                "type": "library",
                "name": name,
                "version": number,
                "purl": refs[name],
                "properties": [{"name": "etalase:extra", "value": extra} for extra in users[name, number]],
            }
            for name, number in sorted(users)
        ],
        "dependencies": [{"ref": own, "dependsOn": sorted(refs[name] for name in direct)}],
        # All packages are listed; which of them needs which other one is not.
        "compositions": [{"aggregate": "incomplete", "dependencies": sorted(refs.values())}],
    }
