"""Requests tokens and feed pages from head office. No other module of the edge knows its endpoints."""

import base64
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol, TypeVar
from urllib.parse import urljoin, urlsplit, urlunsplit
from uuid import UUID

import msgspec

from etalase.edge.sync.clock import Clock
from etalase.edge.sync.download.transport import Deadlines, Response, Transport
from etalase.edge.sync.feed.lenient import read_photo_page, read_product_page, read_tokens
from etalase.errors import (
    FeedRefused,
    HeadOfficeAway,
    HeadOfficeError,
    HeadOfficeRefused,
    HeadOfficeUntrusted,
    NotHeadOffice,
    Reason,
    TransferFailed,
)
from etalase.protocol import (
    DEFAULT_LIMIT,
    DIGEST_PREFERENCE,
    Page,
    ProductPage,
    TokenPair,
    check_envelope,
    media_type,
    printable,
)
from etalase.redaction import keep_token, redacted
from etalase.retry import Again, Retries, retry_after_seconds

logger = logging.getLogger("etalase.edge")

TOKEN_PATH = "/api/v1/token/"  # noqa: S105 - an address, no password
REFRESH_PATH = "/api/v1/token/refresh/"
PHOTOS_PATH = "/api/v1/sync/product-photos/"
PRODUCTS_PATH = "/api/v1/sync/products/"

MAX_PAGE_BYTES = 64 * 1024 * 1024
MAX_RETRY_AFTER_SECONDS = 300.0
MAX_SHOWN_CHARS, MAX_JUDGED_BYTES = 200, 20_000
# A head office that filters a page after cutting it has empty ones among the others.
MAX_EMPTY_PAGES = 200
# The statuses for an invalid value in a request: Django responds 400, others 422 (RFC 9110, section 15.5.21).
VALUE_REFUSED: Final = frozenset({400, 422})

P_co = TypeVar("P_co", Page, ProductPage, covariant=True)
P = TypeVar("P", Page, ProductPage)


class Reader(Protocol[P_co]):
    """Parses a page. Raises :class:`FeedRefused`."""

    def __call__(self, body: bytes, *, what: str) -> P_co: ...


class Tokens(Protocol):
    """Keeps tokens between runs: a login costs HO half a second of CPU (hazard 57)."""

    def load_tokens(self) -> TokenPair: ...
    def save_tokens(self, tokens: TokenPair) -> None: ...


@dataclass(slots=True)
class HeadOffice:
    """One store's view of head office, used from one thread."""

    url: str
    username: str
    password: str
    company_id: UUID
    store_id: UUID
    page_limit: int
    tries: int
    deadlines: Deadlines
    transport: Transport
    tokens: Tokens
    clock: Clock
    _is_fresh: bool = False

    def photo_pages(self, updated_since: str | None, *, with_digest: bool = False) -> Iterator[Page]:
        """Yields the pages of the photo feed since ``updated_since`` (HO's own text), or all. Raises :class:`HeadOfficeError`.

        ``with_digest`` requests the digest with the first page; HO may ignore it.
        """
        wish = {"Prefer": DIGEST_PREFERENCE} if with_digest else {}
        yield from self._pages(
            PHOTOS_PATH, read_photo_page, updated_since, lambda page: (photo.id for photo in page.photos), wish
        )

    def product_pages(self, updated_since: str | None) -> Iterator[ProductPage]:
        """Yields the pages of the product feed. An HO without one responds 404: raises :class:`HeadOfficeRefused`."""
        yield from self._pages(PRODUCTS_PATH, read_product_page, updated_since, lambda page: (p.id for p in page.products))

    def _pages(
        self,
        path: str,
        read: "Reader[P]",
        updated_since: str | None,
        ids: Callable[[P], Iterable[UUID]],
        wish: Mapping[str, str] = MappingProxyType({}),
    ) -> Iterator[P]:
        """Yields the pages of a feed. ``wish`` are headers of the first request alone."""
        offset, limit, empty_pages = 0, self.page_limit, 0
        names_its_store: bool | None = None
        seen: set[int] = set()  # hashes: half the memory of the ids, and a feed may list 100,000
        while True:
            asked: dict[str, object] = {
                "company_id": str(self.company_id),
                "store_id": str(self.store_id),
                "limit": limit,
                "offset": offset,
            }
            if updated_since is not None:
                asked["updated_since"] = updated_since
            try:
                body = self._post(path, asked, wish if offset == 0 else {})
                page: P = read(body, what=f"Page of {path} at offset {offset}")
            except HeadOfficeRefused as error:
                if error.status in VALUE_REFUSED and offset == 0 and limit > DEFAULT_LIMIT:
                    limit = DEFAULT_LIMIT  # an HO with narrower pages than ours
                    continue
                raise
            check_envelope(page, company_id=self.company_id, store_id=self.store_id, offset=offset)
            if names_its_store not in {None, page.names_its_store}:
                raise FeedRefused(f"{path} says on some pages which store they are for, and on others not (offset {offset}).")
            names_its_store = page.names_its_store
            if page.full and updated_since is not None:
                if offset > 0:  # the deletions of the pages before it would be told, and those of the pages after it not
                    raise FeedRefused(f"{path} began with what changed, and at offset {offset} goes on with everything.")
                updated_since = None
            told = {*map(hash, ids(page)), *map(hash, page.deleted_ids)}
            new = told - seen
            empty_pages = 0 if told else empty_pages + 1
            if page.has_more and not new and (told or empty_pages > MAX_EMPTY_PAGES):
                raise FeedRefused(f"{path} at offset {offset} says has_more, but repeats only what earlier pages had.")
            seen |= new
            yield page
            # Where has_more is not said, next_offset leads on for as long as it brings something.
            goes_on = page.has_more if page.has_more is not None else bool(new)
            if not goes_on or page.next_offset is None or page.next_offset <= offset:
                return
            offset = page.next_offset

    def _post(self, path: str, message: dict[str, object], headers: Mapping[str, str]) -> bytes:
        """Returns the body of a 200 response, with retries.

        A refused token is refreshed, and a refused new token causes a login: whatever the kept tokens, the login is reached.
        """
        body = msgspec.json.encode(message)
        tokens = self.tokens.load_tokens()
        keep_token(tokens.access, tokens.refresh)
        if not tokens.access or (not self._is_fresh and expires_at(tokens.access) <= self.clock.now()):
            tokens = self._renew(tokens)
        try:
            response = self._patiently(path, body, {**headers, "Authorization": f"Bearer {tokens.access}"})
        except HeadOfficeAway as error:
            if self._is_fresh or not error.has_failed:
                raise
            response = Response(401)  # the token may be the cause
        for renew in (self._renew, self._log_in):
            # Some head offices respond 403, 400 or 498 to an expired token: one of an earlier run proves nothing.
            if response.status == 401 or (400 <= response.status < 500 and not self._is_fresh):
                tokens = renew(tokens)
                response = self._patiently(path, body, {**headers, "Authorization": f"Bearer {tokens.access}"})
        if response.status != 200:
            raise self._refused(path, response)
        return response.body

    def _renew(self, tokens: TokenPair) -> TokenPair:
        """Returns new tokens by the refresh token; where head office refuses it or responds oddly, by a login."""
        if tokens.refresh:
            try:
                response = self._patiently(REFRESH_PATH, msgspec.json.encode({"refresh": tokens.refresh}), {})
                if response.status == 200:
                    fresh = read_tokens(response.body, what="Response of " + REFRESH_PATH)
                    return self._keep(TokenPair(fresh.access, fresh.refresh or tokens.refresh))
            except FeedRefused as error:
                logger.warning("head office: %s Logging in instead.", error.message)
            except HeadOfficeAway as error:
                if not error.has_failed and (error.retry_after_seconds is not None or not self._is_there()):
                    raise
        return self._log_in(tokens)

    def _is_there(self) -> bool:
        """Returns whether head office responds at all: then only its refresh fails, and may do so for ever."""
        try:
            return bool(self._once(PHOTOS_PATH, b"{}", {}).status)
        except HeadOfficeError:
            return False

    def _log_in(self, _tokens: TokenPair) -> TokenPair:
        login = msgspec.json.encode({"username": self.username, "password": self.password})
        response = self._patiently(TOKEN_PATH, login, {})
        if response.status != 200:
            raise self._refused(TOKEN_PATH, response)
        return self._keep(read_tokens(response.body, what="Response of " + TOKEN_PATH))

    def _keep(self, tokens: TokenPair) -> TokenPair:
        keep_token(tokens.access, tokens.refresh)
        self._is_fresh = True  # whatever this edge's clock says
        self.tokens.save_tokens(tokens)
        return tokens

    def _patiently(self, path: str, body: bytes, headers: dict[str, str]) -> Response:
        """Returns the response to a POST, with retries while head office is away."""
        retries = Retries(self.tries, self.clock.sleep, self.clock.random)
        return retries.call(
            lambda: self._once(path, body, headers),
            _again,
            log=lambda error, seconds: logger.warning("head office: %s; next try in %.1f s", error, seconds),
        )

    def _once(self, path: str, body: bytes, headers: dict[str, str]) -> Response:
        try:
            response = self.transport.exchange(
                self.url + path,
                headers={"Content-Type": "application/json", "Accept": "application/json", **headers},
                post=body,
                deadlines=self.deadlines,
                max_bytes=MAX_PAGE_BYTES,
                compressed=True,
            )
        except TransferFailed as error:
            if error.reason is Reason.SIZE_MISMATCH:
                raise FeedRefused(f"{path} answered with more than {MAX_PAGE_BYTES} bytes.") from error
            said = f"{self.url}{path}: {error.message.removesuffix('.')}."
            if not error.passes:
                raise HeadOfficeUntrusted(said) from error  # it says what to set
            raise HeadOfficeAway(said, hint=_AWAY_HINT) from error
        if response.status == 511:  # RFC 6585, section 6: a network wants somebody to log in
            raise NotHeadOffice(f"{self.url}{path} answered 511.", hint=_not_head_office(self.url))
        if response.status in {408, 429} or response.status >= 500:
            raise HeadOfficeAway(
                f"{self.url}{path} answered {response.status}.",
                hint=_BUSY_HINT,
                has_answered=True,
                retry_after_seconds=retry_after_seconds(response.header(b"retry-after"), now=self.clock.now()),
                has_failed=response.status >= 500 and response.status != 503,
            )
        if response.status == 200 and is_web_page(response):
            said = "" if path in {TOKEN_PATH, REFRESH_PATH} else f": «{_beginning(response.body)}»"
            raise NotHeadOffice(f"{self.url}{path} answered with a web page{said}.", hint=_not_head_office(self.url))
        return response

    def _refused(self, path: str, response: Response) -> HeadOfficeError:
        # The response of a token endpoint may echo the password in any form: no text shows it (hazard 74).
        said = "" if path in {TOKEN_PATH, REFRESH_PATH} else f": «{_beginning(response.body)}»"
        if leads_to := redirected_to(self.url + path, response):
            said = f": it leads to «{_beginning(leads_to.encode())}»"
        return HeadOfficeRefused(
            f"{self.url}{path} answered {response.status}{said}.",
            status=response.status,
            hint=advice(self.url, path, response),
            is_elsewhere=is_elsewhere(self.url, path, response),
        )


def _again(error: Exception) -> Again | None:
    if not isinstance(error, HeadOfficeAway) or (error.retry_after_seconds or 0) > MAX_RETRY_AFTER_SECONDS:
        return None
    return Again(error.retry_after_seconds or 0)


def _beginning(body: bytes) -> str:
    """Returns the first characters of a body; its secrets are hidden before the cut, so that no half of one is left."""
    return printable(redacted(body[:MAX_JUDGED_BYTES].decode("utf-8", "replace"))[:MAX_SHOWN_CHARS])


def expires_at(token: str) -> float:
    """Returns the Unix time at which an access token expires, infinity without one (RFC 7519, section 4.1.4).

    Only saves the request that an expired token would cost; nothing is trusted because of it.
    """
    try:
        claims = token.split(".")[1]
        return float(msgspec.json.decode(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["exp"])
    except (IndexError, KeyError, TypeError, ValueError, OverflowError, RecursionError, msgspec.DecodeError):
        return float("inf")


def is_web_page(response: Response) -> bool:
    """Returns whether the response is a web page: a login page of a network, a shop, a proxy's error."""
    begins = response.body[:MAX_JUDGED_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    # Some head offices call their JSON text/html.
    is_html = media_type(response.header(b"content-type")) in {"text/html", "application/xhtml+xml"}
    return begins == b"<" or (is_html and begins not in {b"{", b"["})


def has_detail(body: bytes) -> bool:
    """Returns whether this is a refusal in the form of head office's API: a JSON object with ``detail``."""
    try:
        return "detail" in msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False


def redirected_to(url: str, response: Response) -> str | None:
    """Returns the target of a redirect of ``url``, without user, query and fragment; None for any other response."""
    location = response.header(b"location")
    if response.status not in {301, 302, 303, 307, 308} or not location:
        return None
    try:
        to = urlsplit(urljoin(url, location))
        host = f"[{to.hostname}]" if ":" in (to.hostname or "") else to.hostname or ""
        return urlunsplit((to.scheme, f"{host}:{to.port}" if to.port else host, to.path, "", ""))
    except ValueError:
        return location


def advice(url: str, path: str, response: Response) -> str:
    """Returns the remedy for a refusal of ``path`` at ``url``."""
    leads_to = redirected_to(url + path, response)
    if leads_to is not None:
        base = leads_to.removesuffix("/").removesuffix(path.removesuffix("/"))
        if base != leads_to.removesuffix("/"):
            return f"If that is head office, set ETALASE_HO_URL to {_beginning(base.encode())}"
        return "Redirects are not followed: if head office moved there, ETALASE_HO_URL should be that address, without a path."
    if is_elsewhere(url, path, response):
        return _not_head_office(url)
    return _HINT_OF.get(response.status, "Compare ETALASE_HO_URL with head office's address.")


def is_elsewhere(url: str, path: str, response: Response) -> bool:
    """Returns whether a refusal is not head office's own, but another server's or a proxy's."""
    # A request for a token names no store: its 404 is about the address.
    is_token = path in {TOKEN_PATH, REFRESH_PATH}
    is_unknown = response.status == 404 and (is_token or not has_detail(response.body))
    return (
        is_unknown or response.status in {405, 407} or is_web_page(response) or redirected_to(url + path, response) is not None
    )


def _not_head_office(url: str) -> str:
    return (
        f"What answers at {url} is not a head office's API: compare ETALASE_HO_URL with head office's address and port,"
        " and look whether a login page of the network or a proxy answers instead."
    )


_AWAY_HINT: Final = (
    "Check the link and that ETALASE_HO_URL is right; the POS goes on with what it has, and the next run catches up."
)
_BUSY_HINT: Final = (
    "Head office, or a proxy before it, is busy or has trouble; the POS goes on with what it has, and the next run tries again."
)
_HINT_OF: Final = {
    401: "Check ETALASE_HO_USERNAME and ETALASE_HO_PASSWORD, and that the account is active at head office.",
    403: "This account may not read the feed; ask head office to allow it.",
    404: "Check ETALASE_COMPANY_ID and ETALASE_STORE_ID: this account must belong to them (/api/v1/sync/stores/ lists them).",
}
