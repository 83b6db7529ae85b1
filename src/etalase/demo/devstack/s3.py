"""What every S3 server of the stack is, whatever its make."""

from dataclasses import dataclass

from etalase.demo.devstack.ports import LOOPBACK
from etalase.demo.devstack.process import Child


@dataclass(frozen=True, slots=True)
class S3Server:
    """An S3 server that answers, for path-style addresses. ``access_key`` may do everything."""

    port: int
    access_key: str
    secret_key: str
    child: Child

    @property
    def name(self) -> str:
        """The make."""
        return self.child.name

    @property
    def endpoint(self) -> str:
        """Its address, without a bucket."""
        return f"http://{LOOPBACK}:{self.port}"

    def stop(self) -> None:
        """End it; what was put is kept."""
        self.child.stop()
