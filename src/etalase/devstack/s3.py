"""Defines the running S3 server of the stack, the same for every make."""

from contextlib import closing
from dataclasses import dataclass

from etalase.devstack.ports import LOOPBACK
from etalase.devstack.process import Child


@dataclass(frozen=True, slots=True)
class S3Server:
    """A running S3 server with path-style URLs. ``access_key`` has all permissions."""

    port: int
    access_key: str
    secret_key: str
    child: Child

    @property
    def name(self) -> str:
        """Returns the name of the make."""
        return self.child.name

    @property
    def endpoint(self) -> str:
        """Returns its URL, without a bucket."""
        return f"http://{LOOPBACK}:{self.port}"

    def wait_ready(self, timeout_seconds: float) -> None:
        """Returns when the server accepts the key and delivers an object, if it has one; otherwise stops it.

        Health checks are not enough: both makes report success long before they are ready, and SeaweedFS lists objects
        before it can read them. Raises :class:`.process.StackError`.
        """
        # Here, because a store's own SeaweedFS needs the module of its ports without this client.
        import boto3
        from botocore.client import Config
        from botocore.exceptions import BotoCoreError, ClientError

        client = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            config=Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1}, proxies={}),
        )

        def is_ready() -> bool:
            try:
                for bucket in client.list_buckets()["Buckets"][:1]:
                    for found in client.list_objects_v2(Bucket=bucket["Name"], MaxKeys=1).get("Contents", []):
                        client.get_object(Bucket=bucket["Name"], Key=found["Key"])["Body"].close()
            except (BotoCoreError, ClientError):
                return False
            return True

        with closing(client):
            self.child.wait_ready(is_ready, timeout_seconds)

    def stop(self) -> None:
        """Stops the server; objects stay on disk."""
        self.child.stop()
