"""The bucket's policy: what a server's has to gain so that anybody may read an object. Pure."""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """The difference between a bucket's policy and the one that it needs. ``kept`` are the statements of others."""

    added: list[dict[str, Any]]
    kept: list[Any]
    removed: list[Any]
    document: dict[str, Any]

    @property
    def is_needed(self) -> bool:
        """Returns whether the policy has to be put."""
        return bool(self.added or self.removed)


def read_policy(bucket: str) -> dict[str, Any]:
    """Returns the guide's bucket policy (hazard 26): anybody may GetObject, and nothing else."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": ["*"]},
                "Action": ["s3:GetObject"],
                "Resource": [f"arn:aws:s3:::{bucket}/*"],
            }
        ],
    }


def change_of(body: bytes, bucket: str, *, replace: bool = False) -> PolicyChange:
    """Returns the change of a server's policy ``body``, empty without one. ``replace``: the statements of others go.

    Raises :class:`ValueError` if ``body`` is not a policy.
    """
    wanted = read_policy(bucket)
    ours = wanted["Statement"][0]
    there = json.loads(body) if body.strip() else {}
    if not isinstance(there, dict):
        raise ValueError("the policy is not a JSON object")  # noqa: TRY004 - as unreadable as a text that is not JSON
    statements = there.get("Statement") or []
    statements = statements if isinstance(statements, list) else [statements]
    if replace:
        removed = [one for one in statements if _normal(one) != _normal(ours)]
        added = [] if len(removed) < len(statements) else [ours]
        return PolicyChange(added, [], removed, wanted)
    if any(_grants(one, bucket) for one in statements):
        return PolicyChange([], statements, [], there)
    return PolicyChange([ours], statements, [], {"Version": wanted["Version"], **there, "Statement": [*statements, ours]})


def _grants(statement: Any, bucket: str) -> bool:
    """Returns whether a statement lets anybody read every object, in any of the forms that servers and people write."""
    if not isinstance(statement, Mapping) or statement.get("Effect") != "Allow" or statement.get("Condition"):
        return False
    principal = statement.get("Principal")
    named = _texts(principal.get("AWS") if isinstance(principal, Mapping) else principal)
    actions = {action.lower() for action in _texts(statement.get("Action"))}
    resources = {f"arn:aws:s3:::{bucket}/*", "arn:aws:s3:::*", "*"}
    return (
        "*" in named and bool(actions & {"s3:getobject", "s3:*", "*"}) and bool(_texts(statement.get("Resource")) & resources)
    )


def denials(body: bytes, bucket: str, prefixes: Collection[str]) -> list[str]:
    """Returns the resources below ``prefixes`` that a policy ``body`` lets nobody read, whatever else allows it. Pure.

    A statement with a condition does not count: it may be about plain HTTP, or about another network.
    """
    try:
        there = json.loads(body or b"{}")
    except ValueError:
        return []
    statements = there.get("Statement") if isinstance(there, dict) else None
    found = []
    for one in statements if isinstance(statements, list) else [statements]:
        if not isinstance(one, Mapping) or one.get("Effect") != "Deny" or one.get("Condition"):
            continue
        principal = one.get("Principal")
        named = _texts(principal.get("AWS") if isinstance(principal, Mapping) else principal)
        actions = _texts(one.get("Action"))
        if "*" not in named or not any(fnmatchcase("s3:getobject", action.lower()) for action in actions):
            continue
        found += [name for name in sorted(_texts(one.get("Resource"))) if _concerns(name, bucket, prefixes)]
    return found


def _concerns(resource: str, bucket: str, prefixes: Collection[str]) -> bool:
    """Returns whether an object below one of ``prefixes`` may be meant: up to its first wildcard, the one begins the other."""
    plain = re.split(r"[*?]", resource, maxsplit=1)[0]
    wanted = [f"arn:aws:s3:::{bucket}/{prefix}" for prefix in prefixes]
    return any(plain.startswith(one) or (plain != resource and one.startswith(plain)) for one in wanted)


def _texts(value: Any) -> set[str]:
    return {one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)}


def _normal(policy: Any) -> Any:
    """Returns one form of all equal policies: servers return a list of one as its element, and lists in their own order."""
    if isinstance(policy, Mapping):
        return {name: _normal(value) for name, value in policy.items() if name != "Sid"}
    if isinstance(policy, list):
        return _normal(policy[0]) if len(policy) == 1 else sorted((_normal(value) for value in policy), key=str)
    return policy
