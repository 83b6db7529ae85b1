"""Checks of the way to head office: its address, clock, account, list, and one photo.

The kept token is used where it is good. A login that head office refused is not tried again with the same account for a while,
so that doctors never lock the store's account out; its refresh token is left alone, since it is good for one use.
"""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.utils.crypto import salted_hmac

from etalase.doctor import clock, machine
from etalase.doctor.check import Check, Fault, NotChecked
from etalase.edge.clock import Clock
from etalase.edge.sync.download.exchange import Deadlines, Response
from etalase.edge.sync.download.origins import ImageOrigins
from etalase.edge.sync.download.transport import Transport
from etalase.edge.sync.feed.client import HeadOffice
from etalase.edge.sync.feed.paths import PHOTOS_PATH, TOKEN_PATH
from etalase.edge.sync.feed.refusals import advice, is_elsewhere, is_web_page, not_head_office, redirected_to
from etalase.edge.sync.feed.session import Session, expires_at
from etalase.errors import HeadOfficeError, HeadOfficeRefused, PhotoError, TransferFailed
from etalase.media_types import sniff_type
from etalase.protocol import Page, Photo, TokenPair
from etalase.settings.edge import EdgeSettings

# Head office locks an account out after ten failures in a quarter of an hour; runs may add one or two.
REFUSED_FOR_SECONDS = 180
PAGE_LIMIT = 20
FIRST_BYTES = 16
DEADLINES = Deadlines(connect_seconds=1.5, idle_seconds=2, min_bytes_per_second=1, total_seconds=1.8)


class _Enough(Exception):
    """The first bytes are here."""


@dataclass(slots=True)
class _KeptTokens:
    """The edge's kept access token, and one that this doctor got; nothing is written to the database."""

    access: str = ""
    is_new: bool = False

    def load_tokens(self) -> TokenPair:
        return TokenPair(self.access, None)

    def save_tokens(self, tokens: TokenPair) -> None:
        self.access, self.is_new = tokens.access, True


class _Noting(Transport):
    """A transport that keeps the address of its last request."""

    last_url = ""

    def exchange(self, url: str, **options: Any) -> Response:
        self.last_url = url
        return super().exchange(url, **options)


@dataclass(slots=True)
class HeadOfficeLink:
    """The way to head office under examination. ``kept_token`` is called after the checks of the database."""

    settings: EdgeSettings
    kept_token: Callable[[], str]
    _date: str = ""
    _page: Page | None = None
    _refused: HeadOfficeError | None = None
    _photo: tuple[Photo, str] | None = None
    _origins: ImageOrigins = field(init=False)
    _transport: _Noting = field(init=False)
    _clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        settings = self.settings
        self._transport = _Noting(ca_file=settings.CA_FILE)
        self._origins = ImageOrigins.from_settings(settings.HO_URL, settings.IMAGE_ORIGINS, settings.IMAGE_URL_REWRITE)

    def checks(self) -> list[Check]:
        """Returns the checks, in the order in which they are shown."""
        return [
            machine.url_name_check("dns_head_office", self.settings.HO_URL, setting="ETALASE_HO_URL"),
            Check("head_office", self.answers, needs=("dns_head_office",)),
            Check("clock_head_office", self.clock, needs=("head_office",)),
            Check("login", self.login, needs=("head_office",), after=("store",)),
            Check("feed", self.feed, needs=("login",)),
            Check("image_origins", self.image_origins, needs=("feed",)),
            Check("image", self.image, needs=("image_origins",)),
        ]  # fmt: skip

    @property
    def photos(self) -> list[Photo]:
        """Returns the photos of the first page, once :meth:`login` has read it."""
        return self._page.photos if self._page else []

    def answers(self) -> str:
        """Asks for the feed without a token: only a head office refuses that in its own way."""
        url = self.settings.HO_URL
        try:
            response = self._transport.exchange(
                url + PHOTOS_PATH, post=b"{}", headers={"Content-Type": "application/json"}, deadlines=DEADLINES,
                max_bytes=64 * 1024,
            )  # fmt: skip
        except TransferFailed as error:
            raise Fault(
                f"{url} does not answer: {error.message.removesuffix('.')}.", hint="Check the link, and ETALASE_HO_URL."
            ) from error
        self._date = response.header(b"date")
        # A proxy's error page is HTML, too; 511 is a network's login page (RFC 6585, section 6).
        if (response.status >= 500 and response.status != 511) or response.status in {408, 429}:
            raise Fault(
                f"Head office at {url} answers {response.status}.",
                hint="It, or a proxy before it, is busy or has trouble: ask head office; a later run catches up.",
            )
        # No store is named yet, so that a 404 concerns the address.
        if is_web_page(response) or is_elsewhere(url, PHOTOS_PATH, response) or response.status in {511, 200, 404}:
            raise Fault(f"What answers at {url} is not a head office (HTTP {response.status}).", hint=_elsewhere(url, response))
        return url

    def clock(self) -> str:
        """Compares this server's clock with head office's."""
        return clock.compare(self._date, here=self._clock.now(), whose="head office")

    def login(self) -> str:
        """Gets a token: the kept one if head office still takes it, else by a login. Reads the first page with it."""
        if self._was_refused():
            raise Fault(
                f"Head office refused the account {self.settings.HO_USERNAME} a moment ago.",
                hint="Check ETALASE_HO_USERNAME and ETALASE_HO_PASSWORD: another password is tried at once, the same one only"
                f" after {REFUSED_FOR_SECONDS // 60} minutes, so that head office does not lock the account.",
            )
        kept = self.kept_token()
        tokens = _KeptTokens(kept if expires_at(kept) > self._clock.now() else "")
        if not tokens.access and not os.access(machine.existing(self._note.parent), os.W_OK):
            raise NotChecked("needs spool")  # a refused login could not be remembered
        try:
            self._page = next(self._client(tokens).photo_pages(None))
        except HeadOfficeError as error:
            self._refused = error
            if self._transport.last_url.endswith(TOKEN_PATH) and not tokens.is_new:
                if isinstance(error, HeadOfficeRefused):
                    self._remember_refusal()
                raise
        if tokens.is_new:
            return f"logged in as {self.settings.HO_USERNAME}"
        return "with the kept token, without a login"

    def feed(self) -> str:
        """Says what the first page has."""
        if self._page is None:
            raise self._refused or RuntimeError("no page was read")
        total = "an unknown number of" if self._page.total is None else self._page.total
        return f"head office lists {total} photos for this store"

    def image_origins(self) -> str:
        """Checks that the settings allow downloads from the addresses of head office's photos."""
        photos = self._page.photos if self._page else []
        if not photos:
            raise NotChecked("head office lists no photo")
        resolved = []
        for photo in photos:
            try:
                resolved.append((photo, self._origins.resolve(photo.image_url)))
            except PhotoError as error:
                raise Fault(
                    f"A photo is at a place that is not allowed: {error.detail.removesuffix('.')}.",
                    hint="Set ETALASE_IMAGE_ORIGINS or ETALASE_IMAGE_URL_REWRITE, and start worker and web server again.",
                ) from error
        self._photo = resolved[0]
        return f"the first {len(resolved)} photos are at allowed places"

    def image(self) -> str:
        """Fetches the first bytes of one photo."""
        if self._photo is None:
            raise NotChecked("no photo is known")
        photo, url = self._photo
        first = bytearray()
        last: Response | None = None

        def take(response: Response, piece: bytes) -> None:
            nonlocal last
            last = response
            first.extend(piece)
            if len(first) >= FIRST_BYTES:
                raise _Enough

        transport = Transport(address_allowed=self._origins.address_allowed, ca_file=self.settings.CA_FILE, setting="image_url")
        try:
            last = transport.exchange(
                url, deadlines=DEADLINES, max_bytes=self.settings.MAX_PHOTO_BYTES, sink=take,
                headers={"Range": f"bytes=0-{FIRST_BYTES - 1}", "Accept-Encoding": "identity"},
            )  # fmt: skip
        except _Enough:
            pass
        except TransferFailed as error:
            hint = "Head office's bucket has to be reachable from the store: check the link, and ETALASE_IMAGE_URL_REWRITE."
            raise Fault(f"A photo at {url} cannot be fetched: {error.message.removesuffix('.')}.", hint=hint) from error
        if last is not None and last.status not in {200, 206}:
            raise Fault(f"A photo at {url} cannot be fetched: HTTP {last.status}.", hint=_image_hint(url, last))
        if sniff_type(bytes(first)) is None:
            raise Fault(
                f"What lies at {url} is not a picture.",
                hint="Look whether a proxy or a login page answers instead of head office's bucket; else tell head office.",
            )
        return f"the first bytes of {photo.filename or photo.id} arrived"

    def _client(self, tokens: _KeptTokens) -> HeadOffice:
        settings = self.settings
        session = Session(
            url=settings.HO_URL, username=settings.HO_USERNAME, password=settings.HO_PASSWORD.get_secret_value(), tries=1,
            deadlines=DEADLINES, transport=self._transport, tokens=tokens, clock=self._clock,
        )  # fmt: skip
        return HeadOffice(session, settings.COMPANY_ID, settings.STORE_ID, PAGE_LIMIT)

    @property
    def _note(self) -> Path:
        """Returns the path of an empty file: its time is that of the last refused login, and only this account has its name."""
        account = [self.settings.HO_URL, self.settings.HO_USERNAME, self.settings.HO_PASSWORD.get_secret_value()]
        digest = salted_hmac("etalase.doctor", json.dumps(account), algorithm="sha256").hexdigest()
        return self.settings.SPOOL_DIR / f".etalase-doctor-refused-{digest[:16]}"

    def _was_refused(self) -> bool:
        try:
            return 0 <= self._clock.now() - self._note.stat().st_mtime < REFUSED_FOR_SECONDS
        except OSError:
            return False

    def _remember_refusal(self) -> None:
        with suppress(OSError):  # the check of the spool says so
            self._note.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            for old in self._note.parent.glob(".etalase-doctor-refused-*"):
                old.unlink()
            self._note.touch(0o600)


def _elsewhere(url: str, response: Response) -> str:
    found = not_head_office(url) if response.status == 404 else advice(url, PHOTOS_PATH, response)
    return found if response.status >= 300 else "Compare ETALASE_HO_URL with head office's address and port."


def _image_hint(url: str, response: Response) -> str:
    if leads_to := redirected_to(url, response):
        return f"Redirects are not followed. Tell head office to list the address itself: {leads_to}"
    if response.status >= 500 or response.status in {408, 429}:
        return "Its bucket, or a proxy before it, is busy or has trouble: a later run catches up; else ask head office."
    return "Tell head office: anybody must be able to read a photo in its bucket whose address is known."
