"""Opens the bucket that the settings of a half name, for both halves."""

from typing import TYPE_CHECKING, Any

from etalase.objectstore.client import ObjectStore

if TYPE_CHECKING:  # no half loads the settings of the other
    from etalase.settings.edge import EdgeSettings
    from etalase.settings.head_office import HeadOfficeSettings


def own_bucket(settings: "EdgeSettings | HeadOfficeSettings", *, bucket: str = "", **options: Any) -> ObjectStore:
    """Returns the client of the half's own bucket, or of ``bucket``; ``options`` are more arguments of ObjectStore."""
    store = ObjectStore(
        **options,
        endpoint=settings.S3_ENDPOINT,
        bucket=bucket or settings.S3_BUCKET,
        access_key=settings.S3_ACCESS_KEY,
        secret_key=settings.S3_SECRET_KEY.get_secret_value(),
        region=settings.S3_REGION,
        ca_file=settings.CA_FILE,
    )
    store.replaces_policy = settings.S3_POLICY == "replace"
    return store
