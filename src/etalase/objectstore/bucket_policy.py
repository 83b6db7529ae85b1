"""The bucket's policy, and its comparison with the policy that a server has. Pure."""

import json
from collections.abc import Mapping
from typing import Any


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


def is_policy(body: bytes, wanted: Mapping[str, Any]) -> bool:
    """Returns whether ``body``, a server's JSON, means the policy ``wanted``."""
    try:
        return bool(_normal(json.loads(body)) == _normal(wanted))
    except ValueError:
        return False


def _normal(policy: Any) -> Any:
    """Returns one form of all equal policies: servers return a list of one as its element, and lists in their own order."""
    if isinstance(policy, Mapping):
        return {name: _normal(value) for name, value in policy.items() if name != "Sid"}
    if isinstance(policy, list):
        return _normal(policy[0]) if len(policy) == 1 else sorted((_normal(value) for value in policy), key=str)
    return policy
