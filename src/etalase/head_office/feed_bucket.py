"""Tells the statements of the feed where the edges reach head office's bucket."""

from dataclasses import dataclass

import msgspec


@dataclass(frozen=True, slots=True)
class PublicBucket:
    """The bucket as the edges reach it."""

    public_url: str
    name: str

    @property
    def base_in_json(self) -> str:
        """Returns the beginning of each public address, within a string of JSON."""
        return msgspec.json.encode(f"{self.public_url.rstrip('/')}/{self.name}/").decode()[1:-1]
