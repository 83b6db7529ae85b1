"""Makes authenticated requests to head office: tokens, logins and retries. Translates refusals into the edge's errors."""

import base64
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import msgspec

from etalase.edge.clock import Clock
from etalase.edge.sync.download.exchange import Deadlines, Response
from etalase.edge.sync.download.transport import Transport
from etalase.edge.sync.feed import features
from etalase.edge.sync.feed.lenient import read_tokens
from etalase.edge.sync.feed.paths import PHOTOS_PATH, REFRESH_PATH, TOKEN_PATH
from etalase.edge.sync.feed.refusals import (
    AWAY_HINT,
    BUSY_HINT,
    advice,
    beginning,
    is_elsewhere,
    is_web_page,
    not_head_office,
    redirected_to,
)
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
from etalase.protocol import TokenPair
from etalase.redaction import keep_token
from etalase.renditions import FEATURES_HEADER
from etalase.retry import Again, Retries, retry_after_seconds

logger = logging.getLogger("etalase.edge")


class Tokens(Protocol):
    """Keeps tokens between runs: a login costs HO half a second of CPU (hazard 57)."""

    def load_tokens(self) -> TokenPair: ...
    def save_tokens(self, tokens: TokenPair) -> None: ...


@dataclass(slots=True)
class Session:
    """One store's requests to head office, from one thread."""

    url: str
    username: str
    password: str
    tries: int
    deadlines: Deadlines
    transport: Transport
    tokens: Tokens
    clock: Clock
    max_response_bytes: int = 64 * 1024 * 1024
    # A longer Retry-After ends the run; the next run tries again.
    max_retry_after_seconds: float = 300.0
    # The abilities that head office announced with its last response, or in an earlier run.
    features: str = ""
    _is_fresh: bool = False

    def post(self, path: str, message: Mapping[str, object], headers: Mapping[str, str], *, tries: int | None = None) -> bytes:
        """Returns the body of a 200 response, with as many ``tries`` of each request as are set, or given.

        A refused access token is refreshed, and a refused new one causes a login. So no kept token can prevent a login.
        Raises :class:`HeadOfficeError`.
        """
        body = msgspec.json.encode(message)
        tokens = self.usable_tokens()
        try:
            response = self._with_retries(path, body, {**headers, "Authorization": f"Bearer {tokens.access}"}, tries)
        except HeadOfficeAway as error:
            if self._is_fresh or not error.has_failed:
                raise
            response = Response(401)  # the token may be the cause
        for renewed in (self._refresh, self._log_in):
            # Some head offices respond to an expired token with 403, 400 or 498.
            if response.status == 401 or (400 <= response.status < 500 and not self._is_fresh):
                tokens = renewed(tokens)
                response = self._with_retries(path, body, {**headers, "Authorization": f"Bearer {tokens.access}"}, tries)
        if response.status != 200:
            raise self._refused(path, response)
        return response.body

    def usable_tokens(self) -> TokenPair:
        """Returns tokens, new ones where the kept ones are missing or expired. Raises :class:`HeadOfficeError`."""
        tokens = self.tokens.load_tokens()
        keep_token(tokens.access, tokens.refresh)
        if not tokens.access or (not self._is_fresh and expires_at(tokens.access) <= self.clock.now()):
            tokens = self._refresh(tokens)
        return tokens

    def _refresh(self, tokens: TokenPair) -> TokenPair:
        """Returns new tokens by the refresh token; where head office refuses it or the response is odd, by a login."""
        if tokens.refresh:
            try:
                response = self._with_retries(REFRESH_PATH, msgspec.json.encode({"refresh": tokens.refresh}), {})
                if response.status == 200:
                    fresh = read_tokens(response.body, what="Response of " + REFRESH_PATH)
                    return self._save(TokenPair(fresh.access, fresh.refresh or tokens.refresh))
            except FeedRefused as error:
                logger.warning("head office: %s Logging in instead.", error.message)
            except HeadOfficeAway as error:
                if not error.has_failed and (error.retry_after_seconds is not None or not self._is_reachable()):
                    raise
        return self._log_in(tokens)

    def _is_reachable(self) -> bool:
        """Returns whether head office responds to any request: a refresh alone may fail in each run."""
        try:
            return bool(self._exchange(PHOTOS_PATH, b"{}", {}).status)
        except HeadOfficeError:
            return False

    def _log_in(self, _tokens: TokenPair) -> TokenPair:
        """Returns new tokens by user name and password."""
        login = msgspec.json.encode({"username": self.username, "password": self.password})
        response = self._with_retries(TOKEN_PATH, login, {})
        if response.status != 200:
            raise self._refused(TOKEN_PATH, response)
        return self._save(read_tokens(response.body, what="Response of " + TOKEN_PATH))

    def _save(self, tokens: TokenPair) -> TokenPair:
        """Keeps new tokens for later requests and runs."""
        keep_token(tokens.access, tokens.refresh)
        self._is_fresh = True  # even if the edge's clock is past their expiry
        self.tokens.save_tokens(tokens)
        return tokens

    def _with_retries(self, path: str, body: bytes, headers: dict[str, str], tries: int | None = None) -> Response:
        """Returns the response to a POST, with retries while head office is away."""
        retries = Retries(tries or self.tries, self.clock.sleep, self.clock.random)
        return retries.call(
            lambda: self._exchange(path, body, headers),
            self._again,
            log=lambda error, seconds: logger.warning("head office: %s; next try in %.1f s", error, seconds),
        )

    def _again(self, error: Exception) -> Again | None:
        if not isinstance(error, HeadOfficeAway):
            return None
        seconds = error.retry_after_seconds or 0
        return None if seconds > self.max_retry_after_seconds else Again(seconds)

    def _exchange(self, path: str, body: bytes, headers: dict[str, str]) -> Response:
        """Returns the response to one POST. Raises :class:`HeadOfficeError` where it is not head office's own."""
        try:
            response = self.transport.exchange(
                self.url + path,
                headers={"Content-Type": "application/json", "Accept": "application/json", **headers},
                post=body,
                deadlines=self.deadlines,
                max_bytes=self.max_response_bytes,
                compressed=True,
            )
        except TransferFailed as error:
            if error.reason is Reason.SIZE_MISMATCH:
                raise FeedRefused(f"{path} responded with more than {self.max_response_bytes} bytes.") from error
            text = f"{self.url}{path}: {error.message.removesuffix('.')}."
            if not error.passes:
                raise HeadOfficeUntrusted(text) from error  # the text names the setting
            raise HeadOfficeAway(text, hint=AWAY_HINT) from error
        if response.status == 511:  # the network requires a login (RFC 6585, section 6)
            raise NotHeadOffice(f"{self.url}{path} responded with 511.", hint=not_head_office(self.url))
        if response.status in {408, 429} or response.status >= 500:
            raise HeadOfficeAway(
                f"{self.url}{path} responded with {response.status}.",
                hint=BUSY_HINT,
                has_responded=True,
                retry_after_seconds=retry_after_seconds(response.header(b"retry-after"), now=self.clock.now()),
                has_failed=response.status >= 500 and response.status != 503,
            )
        if response.status == 200 and is_web_page(response):
            shown = "" if path in {TOKEN_PATH, REFRESH_PATH} else f": «{beginning(response.body)}»"
            raise NotHeadOffice(f"{self.url}{path} responded with a web page{shown}.", hint=not_head_office(self.url))
        if response.status == 200:  # a proxy may make other responses
            self.features = features.kept(response.header(FEATURES_HEADER.lower().encode()))
        return response

    def _refused(self, path: str, response: Response) -> HeadOfficeError:
        # The response of a token endpoint may echo the password in any form: no text shows it (hazard 74).
        shown = "" if path in {TOKEN_PATH, REFRESH_PATH} else f": «{beginning(response.body)}»"
        if leads_to := redirected_to(self.url + path, response):
            shown = f": it redirects to «{beginning(leads_to.encode())}»"
        return HeadOfficeRefused(
            f"{self.url}{path} responded with {response.status}{shown}.",
            status=response.status,
            hint=advice(self.url, path, response),
            is_elsewhere=is_elsewhere(self.url, path, response),
        )


def expires_at(token: str) -> float:
    """Returns the Unix time at which an access token expires, infinity if unknown (RFC 7519, section 4.1.4).

    Saves a request with an expired token. Nothing is trusted because of the value.
    """
    try:
        claims = token.split(".")[1]
        return float(msgspec.json.decode(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["exp"])
    except (IndexError, KeyError, TypeError, ValueError, OverflowError, RecursionError, msgspec.DecodeError):
        return float("inf")
