"""Answers a scrape of Prometheus, for both halves: who may read it, in which form, and within which time."""

import hmac
import ipaddress
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from http import HTTPStatus
from typing import Any, Generic, NamedTuple, TypeVar

import django.db
from django.http import HttpRequest, HttpResponse
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from pydantic import SecretStr

from etalase.server import LOCAL_ADDRESS

T = TypeVar("T")

# A proxy adds one of these, so that its clients never count as this machine.
FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP", "HTTP_FORWARDED", "HTTP_VIA")


class Refusal(NamedTuple):
    """The reason for which a client gets no metrics."""

    status: HTTPStatus
    detail: str


OFF = Refusal(
    HTTPStatus.NOT_FOUND, "There are no metrics here: ETALASE_METRICS=true or ETALASE_METRICS_TOKEN switches them on."
)
NO_TOKEN = Refusal(HTTPStatus.UNAUTHORIZED, "The metrics need the token of ETALASE_METRICS_TOKEN: Authorization: Bearer TOKEN.")
ELSEWHERE = Refusal(
    HTTPStatus.FORBIDDEN,
    "Without ETALASE_METRICS_TOKEN, the metrics are for clients on this machine that connect without a proxy.",
)


def refusal(environ: Mapping[str, Any], *, is_on: bool, token: SecretStr, proxies: int = 0) -> Refusal | None:
    """Returns the reason to refuse this client, or None. A token's holder may read; without a token, this machine. Pure."""
    if not is_on:
        return OFF
    if secret := token.get_secret_value():
        given = str(environ.get("HTTP_AUTHORIZATION", ""))
        return None if hmac.compare_digest(given.encode(errors="surrogatepass"), f"Bearer {secret}".encode()) else NO_TOKEN
    is_direct = not proxies and not any(environ.get(name) for name in FORWARDED)
    client, own = (_address(environ.get(name)) for name in ("REMOTE_ADDR", LOCAL_ADDRESS))
    # A web server that listens in the tills' network only is not reached by a loopback address.
    is_here = client is not None and (client.is_loopback or client == own)
    return None if is_direct and is_here else ELSEWHERE


def _address(text: object) -> "ipaddress.IPv4Address | ipaddress.IPv6Address | None":
    try:
        ip = ipaddress.ip_address(str(text or ""))
    except ValueError:  # a Unix socket, behind which a proxy stands
        return None
    return getattr(ip, "ipv4_mapped", None) or ip


def answer(request: HttpRequest, registry: CollectorRegistry) -> HttpResponse:
    """Returns all metrics of ``registry`` in the form that the client accepts."""
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return HttpResponse(encode(registry), content_type=content_type, headers={"Cache-Control": "no-store"})


def refused(why: Refusal) -> HttpResponse:
    """Returns the response for a client that may not read metrics."""
    headers = {"Cache-Control": "no-store"}
    if why.status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="metrics"'
    return HttpResponse(f"{why.detail}\n", status=why.status, content_type="text/plain; charset=utf-8", headers=headers)


class SingleFlight(Generic[T]):
    """Runs ``work`` in a thread, once at a time: callers that wait share its result, and none waits longer than it wants.

    A hanging database or bucket therefore costs one thread, for any number of scrapes.
    """

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._lock = threading.Lock()
        self._future: Future[T] | None = None

    def begin(self) -> Future[T]:
        """Returns the work in flight; begins it if there is none."""
        with self._lock:
            if self._future is None:
                self._future = Future()
                threading.Thread(target=self._run, args=[self._future], name="metrics", daemon=True).start()
            return self._future

    def result(self, seconds: float) -> T:
        """Returns the result. Raises TimeoutError after ``seconds``, while the work goes on, or the error of the work."""
        return self.begin().result(seconds)

    def _run(self, future: Future[T]) -> None:
        try:
            outcome, error = self._work(), None
        except BaseException as raised:  # it belongs to the callers that wait
            outcome, error = None, raised
        finally:
            django.db.connections.close_all()
        with self._lock:
            self._future = None
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(outcome)  # type: ignore[arg-type]
