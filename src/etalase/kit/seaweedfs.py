"""An object store of the machine's own: SeaweedFS from its wheel, as a service with all its ports closed to others.

nginx, or another proxy, forwards the readers' requests for objects. No other request comes from outside.
"""

import json
import secrets
from urllib.parse import urlsplit

from etalase.devstack.process import StackError
from etalase.devstack.seaweedfs import SIGNING_KEYS, SeaweedPorts, find_program, flags
from etalase.kit import env_file
from etalase.kit.accounts import check_reach, ensure_user
from etalase.kit.answers import Answers
from etalase.kit.bucket_user import bucket_names
from etalase.kit.machine import Host
from etalase.kit.units import ServiceUnit
from etalase.redaction import keep_secret

USER = "etalase-s3"
NAME = "etalase-seaweedfs"
ENV_FILE = "/etc/etalase/seaweedfs.env"
IDENTITIES = "/etc/etalase/seaweedfs.json"
DEFAULT_ENDPOINT = "http://127.0.0.1:8333"
DEFAULT_PORT = 8333


def unit(endpoint: str) -> ServiceUnit:
    """Returns the service for the S3 port of ``endpoint``."""
    ports = SeaweedPorts.from_s3(urlsplit(endpoint).port or DEFAULT_PORT)
    return ServiceUnit(
        name=NAME,
        description="SeaweedFS, the object store of Etalase",
        command=[str(find_program()), "-logtostderr=true", "mini", *flags(ports, config=IDENTITIES)],
        user=USER,
        env_file=ENV_FILE,
        state_folder=NAME,
        stop_timeout="15",  # on a full disk it may not stop by itself
    )


def is_installed() -> bool:
    """Returns whether the wheel is here."""
    try:
        find_program()
    except StackError:
        return False
    return True


def ensure(machine: Host, answers: Answers) -> bool:
    """Makes the user, the keys and the identity of Etalase. Returns whether a running server has to read them anew."""
    check_reach(find_program())
    ensure_user(machine, USER, f"/var/lib/{NAME}")
    machine.folder(f"/var/lib/{NAME}/data", mode=0o700, owner=USER)
    if machine.read(ENV_FILE) is None:
        keys = {name: secrets.token_hex(32) for name in SIGNING_KEYS}
        keep_secret(*keys.values())  # a dry run shows the file
        machine.write(ENV_FILE, env_file.render(keys, about="Made by etalase: the keys of SeaweedFS's own parts."), mode=0o600)
    key = answers["ETALASE_S3_ACCESS_KEY"]
    identity: dict[str, object] = {
        "name": key,
        "credentials": [{"accessKey": key, "secretKey": answers["ETALASE_S3_SECRET_KEY"]}],
        "actions": [f"{right}:{name}" for name in bucket_names(answers) for right in ("Admin", "Read", "Write", "List")],
    }
    return _write(machine, [*_others(machine, key), identity])


def forget(machine: Host, key: str) -> None:
    """Removes the identity of one half; the other one stays."""
    _write(machine, _others(machine, key))


def _others(machine: Host, key: str) -> list[dict[str, object]]:
    """Returns the identities but one: the other half may be on this machine, with a bucket of its own."""
    known = json.loads(machine.read(IDENTITIES) or "{}").get("identities", [])
    return [one for one in known if one["name"] != key]


def _write(machine: Host, identities: list[dict[str, object]]) -> bool:
    text = json.dumps({"identities": identities}, indent=1) + "\n"
    return machine.write(IDENTITIES, text, mode=0o640, owner=f"root:{USER}")
