"""Checks of the private bucket: uploads can be stored there, and nobody reads one without the key."""

from urllib.parse import quote

from etalase.doctor import http
from etalase.doctor.bucket import REQUEST_SECONDS
from etalase.doctor.check import Check, Fault, NotChecked
from etalase.errors import ObjectMissing, ObjectStoreMisconfigured
from etalase.objectstore.client import PROBE_PNG, ObjectStore
from etalase.objectstore.private_bucket import PROBE_KEY, REFUSED, prove_private
from etalase.own_bucket import own_bucket
from etalase.settings.head_office import HeadOfficeSettings


def checks(settings: HeadOfficeSettings, *, read_only: bool) -> list[Check]:
    """Returns the checks, in the order in which they are shown."""
    store = own_bucket(
        settings,
        bucket=settings.masters_bucket,
        connect_timeout_seconds=REQUEST_SECONDS,
        timeout_seconds=REQUEST_SECONDS,
        max_retries=0,
    )

    def is_usable() -> str:
        """Checks the key's rights, by the probe that head office left there."""
        try:
            has_probe = next(store.list(PROBE_KEY), None) is not None
        except ObjectMissing as error:
            hint = '`etalase head-office serve` creates it, where the key may: docs/MINIO_SETUP.md, "The private bucket".'
            raise Fault(f"{error.message} No upload is possible.", hint=hint) from error
        if read_only:
            return store.bucket
        if not has_probe:
            store.put(PROBE_KEY, PROBE_PNG, content_type="image/png")
        store.get(PROBE_KEY)
        store.delete([f"{PROBE_KEY}-missing"])
        return store.bucket

    def is_private() -> str:
        """Checks that a request without a key is refused, at this server's address and at the public one."""
        if store.head(PROBE_KEY) is None:
            raise NotChecked("no object is there to be read")
        try:
            prove_private(store)
        except ObjectStoreMisconfigured as error:
            raise Fault(error.message, hint=error.hint) from error
        return _at_public_url(store, settings)

    return [
        Check("masters_bucket", is_usable, needs=("bucket",)),
        Check("masters_private", is_private, needs=("masters_bucket",)),
    ]


def _at_public_url(store: ObjectStore, settings: HeadOfficeSettings) -> str:
    url = f"{settings.S3_PUBLIC_URL}/{store.bucket}/{quote(PROBE_KEY)}"
    try:
        response = http.get(url, setting="ETALASE_S3_PUBLIC_URL", seconds=REQUEST_SECONDS, ca_file=settings.CA_FILE)
    except Fault:  # another check says so
        return "refused without a key"
    if response.status < 300 and response.body == PROBE_PNG:
        raise Fault(
            f"Anybody can read objects of bucket {store.bucket} at {settings.S3_PUBLIC_URL}.",
            hint="The proxy there signs requests, or answers from a copy: let it forward them as they are, or not at all.",
        )
    is_refused = response.status in REFUSED
    return "refused without a key" + ("" if is_refused else f"; not served at {settings.S3_PUBLIC_URL}")
