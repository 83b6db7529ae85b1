"""Explains refusals of head office, and responses of other servers at its address."""

from typing import Final
from urllib.parse import urljoin, urlsplit, urlunsplit

import msgspec

from etalase.edge.sync.download.exchange import Response
from etalase.edge.sync.feed.paths import REFRESH_PATH, TOKEN_PATH
from etalase.media_types import media_type
from etalase.protocol import printable
from etalase.redaction import redacted

MAX_SHOWN_CHARS, MAX_JUDGED_BYTES = 200, 20_000

AWAY_HINT: Final = "Check the link and that ETALASE_HO_URL is right; the POS keeps its photos, and the next run catches up."
BUSY_HINT: Final = (
    "Head office, or a proxy before it, is busy or failing; the POS keeps its photos, and the next run tries again."
)
_HINT_OF: Final = {
    401: (
        "Check ETALASE_HO_USERNAME and ETALASE_HO_PASSWORD, and that the account is active at head office. A machine that"
        " joined by a code loses its account when head office revokes it, or another machine joins for the store; then it"
        " needs a new code: etalase edge init --join ADDRESS CODE"
    ),
    403: "This account may not read the feed; ask head office to allow it.",
    404: "Check ETALASE_COMPANY_ID and ETALASE_STORE_ID: this account must belong to them (/api/v1/sync/stores/ lists them).",
}


def beginning(body: bytes) -> str:
    """Returns the first characters of a body. Secrets are hidden before the cut, so that no part of one is left."""
    return printable(redacted(body[:MAX_JUDGED_BYTES].decode("utf-8", "replace"))[:MAX_SHOWN_CHARS])


def is_web_page(response: Response) -> bool:
    """Returns whether the response is a web page: a network's login page, a proxy's error page, another website."""
    begins = response.body[:MAX_JUDGED_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    # Some head offices call their JSON text/html.
    is_html = media_type(response.header(b"content-type")) in {"text/html", "application/xhtml+xml"}
    return begins == b"<" or (is_html and begins not in {b"{", b"["})


def has_detail(body: bytes) -> bool:
    """Returns whether the body is a refusal of head office's API: a JSON object with ``detail``."""
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
            return f"If that is head office, set ETALASE_HO_URL to {beginning(base.encode())}"
        return "Redirects are not followed: if head office moved there, ETALASE_HO_URL should be that address, without a path."
    if is_elsewhere(url, path, response):
        return not_head_office(url)
    return _HINT_OF.get(response.status, "Compare ETALASE_HO_URL with head office's address.")


def is_elsewhere(url: str, path: str, response: Response) -> bool:
    """Returns whether a refusal is not head office's own, but another server's or a proxy's."""
    # A token request names no store, so its 404 concerns the address.
    is_token = path in {TOKEN_PATH, REFRESH_PATH}
    is_unknown = response.status == 404 and (is_token or not has_detail(response.body))
    return (
        is_unknown or response.status in {405, 407} or is_web_page(response) or redirected_to(url + path, response) is not None
    )


def not_head_office(url: str) -> str:
    """Returns the remedy where another server responds at ``url``."""
    return (
        f"The server at {url} is not a head office: compare ETALASE_HO_URL with head office's address and port,"
        " and check whether a login page of the network or a proxy responds instead."
    )
