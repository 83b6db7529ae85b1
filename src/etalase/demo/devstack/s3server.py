"""What every S3 server of the stack is to those who use it."""

from dataclasses import dataclass

from etalase.demo.devstack.process import Child


@dataclass(slots=True)
class S3Server:
    """A running S3 server on this machine."""

    child: Child
    port: int
    access_key: str
    secret_key: str

    @property
    def endpoint(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        """End it; again is no error."""
        self.child.stop()
