"""Simulates a head office that implements exactly the guide, with faults on demand.

The only fake of the project, because a real head office cannot produce these faults. It is a real HTTP server with real bytes.
A test changes ``photos``, or sets one of the ``on_…`` hooks, whose return value replaces the normal response.
"""

import hashlib
import json
import random
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from etalase.media_types import MAGIC_BYTES, sniff_type
from etalase.pictures.reading import read_outline
from etalase.renditions import ListedRenditions, RenditionKey, renditions_digest
from tests.django_settings import COMPANY_ID, STORE_ID
from tests.pictures import bytes_of_picture

# Eight pixels of warm grey.
THUMBHASH = "1QcSHQRnh493V4dIh4eXh1h4kJUI"
JPEG, PNG = b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n"


def picture(seed: object, size: int = 2000, *, magic: bytes = JPEG) -> bytes:
    """Returns a picture of ``size`` bytes, different for each seed; ``magic`` are the first bytes of its type."""
    return bytes_of_picture(seed, size, sniff_type(magic.ljust(MAGIC_BYTES, b"\0")) or "")


@dataclass
class Response:
    """A response of a hook. ``length`` is a Content-Length that differs from the length of ``body``.

    ``pieces`` replaces the body: sent without a length until the client closes the connection.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None
    pieces: Iterable[bytes] | None = None


@dataclass
class Simulator:
    """Head office's state. ``requests`` are the requested paths, in order.

    ``ranges`` has the Range of each image request. The connection breaks after ``cut_after`` bytes of an image;
    ``image_bytes_sent`` counts the bytes sent to the edge.
    """

    port: int = 0
    photos: dict[str, dict[str, Any]] = field(default_factory=dict)
    bodies: dict[str, bytes] = field(default_factory=dict)
    deleted_ids: list[str] = field(default_factory=list)
    max_page: int = 100
    shuffle: bool = False
    now: datetime = field(default_factory=lambda: datetime(2026, 2, 3, 7, 26, 11, 813339, UTC))
    access_token: str = "first-token"
    refresh_token: str = "first-refresh-token"
    password: str = "a test's own password"
    requests: list[str] = field(default_factory=list)
    feed_requests: list[dict[str, Any]] = field(default_factory=list)
    # Path, Prefer and body of each POST.
    posts: list[tuple[str, str, bytes]] = field(default_factory=list)
    image_requests: list[str] = field(default_factory=list)
    ranges: list[str | None] = field(default_factory=list)
    cut_after: int | None = None
    image_bytes_sent: int = 0
    on_page: Callable[[dict[str, Any]], Response | None] | None = None
    on_token: Callable[[str, dict[str, Any]], Response | None] | None = None
    # Called with the bearer token of a feed request, before the check of the token.
    on_feed_token: Callable[[str], Response | None] | None = None
    on_image: Callable[[str], Response | None] | None = None
    on_products: Callable[[dict[str, Any]], Response] | None = None
    change_page: Callable[[dict[str, Any]], None] | None = None
    content_type: str = "application/json"
    # The value of Etalase-Features; a head office that follows the guide sends none.
    features: str | None = None
    # The listed sets by photo: ``renditions``, ``thumbhash`` and ``photo_checksum``.
    rendition_sets: dict[str, dict[str, Any]] = field(default_factory=dict)
    # The reports of a store, in order, with the path that they came by; and the response to a request with one.
    reports: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    on_report: Callable[[dict[str, Any]], Response | None] | None = None
    redirects_to: str | None = None
    # Returns the digest of a head office of ours, if the test has it.
    photo_digest: Callable[[], str] | None = None

    @property
    def url(self) -> str:
        """Returns the value for HO_URL."""
        return f"http://127.0.0.1:{self.port}"

    def put(
        self,
        product: str,
        body: bytes,
        *,
        photo: str | None = None,
        key: str | None = None,
        primary: bool = True,
        sort_order: int = 0,
        **fields: Any,
    ) -> str:
        """Lists a photo of ``product`` (any text) with ``body``. Returns its id. A known ``photo`` gets a new version."""
        product_id = str(uuid.uuid5(uuid.NAMESPACE_OID, product))
        photo_id = photo or str(uuid.uuid4())
        kind = "png" if body.startswith(PNG) else "jpg"
        key = key or f"products/{product_id}/{'primary' if primary else photo_id}.{kind}"
        self.now += timedelta(seconds=1)
        checksum = hashlib.md5(body).hexdigest()
        self.bodies[key] = body
        known = self.photos.get(photo_id)
        self.photos[photo_id] = {
            "id": photo_id,
            "product_id": product_id,
            "product_sku": product[:20],
            "product_name": product,
            "object_key": key,
            "filename": f"{product}.{kind}",
            "size": len(body),
            "content_type": "image/png" if kind == "png" else "image/jpeg",
            "checksum": checksum,
            "version": known["version"] + 1 if known else 1,
            "is_primary": primary,
            "sort_order": sort_order,
            "updated_at": self.now.isoformat(),
            "image_url": f"{self.url}/product-images/{key}?v={checksum[:8]}",
            **fields,
        }
        return photo_id

    def put_renditions(self, photo_id: str, *bodies: bytes, thumbhash: str | None = THUMBHASH) -> list[str]:
        """Lists these small pictures as the renditions of a photo's current bytes. Returns their keys."""
        self.features = "report=1, renditions=1"
        self.now += timedelta(seconds=1)
        listed = []
        for body in bodies:
            content_type, outline = read_outline(body)
            checksum = hashlib.md5(body).hexdigest()
            key = str(RenditionKey(uuid.UUID(photo_id), checksum, outline.width, content_type))
            self.bodies[key] = body
            listed.append(
                {
                    "width": outline.width,
                    "height": outline.height,
                    "object_key": key,
                    "size": len(body),
                    "checksum": checksum,
                    "content_type": content_type,
                    "image_url": f"{self.url}/product-images/{key}",
                }
            )
        photo_checksum = self.photos[photo_id]["checksum"]
        changed_at = self.now.isoformat()
        self.rendition_sets[photo_id] = {
            "renditions": listed, "thumbhash": thumbhash, "photo_checksum": photo_checksum, "changed_at": changed_at
        }  # fmt: skip
        return [str(one["object_key"]) for one in listed]

    def rendition_digest(self) -> str:
        """Returns the digest of all listed sets."""
        return renditions_digest(
            ListedRenditions(
                uuid.UUID(photo_id), one["photo_checksum"], one["thumbhash"] or "", [r["object_key"] for r in one["renditions"]]
            )
            for photo_id, one in sorted(self.rendition_sets.items())
            if self._lists_set(photo_id) and one["renditions"]
        )

    def _lists_set(self, photo_id: str) -> bool:
        photo, one = self.photos.get(photo_id), self.rendition_sets.get(photo_id)
        return photo is not None and one is not None and one["photo_checksum"] == photo["checksum"]

    def delete(self, photo_id: str) -> None:
        """Lists the photo as deleted."""
        del self.photos[photo_id]
        self.now += timedelta(seconds=1)
        self.deleted_ids.append(photo_id)

    def page(self, request: dict[str, Any], prefer: str = "") -> dict[str, Any]:
        """Returns the guide's response, with plain offsets over the current order; with renditions where it offers them."""
        since = request.get("updated_since")
        with_renditions = self.features is not None and "renditions" in prefer
        changed = {id_: one["changed_at"] for id_, one in self.rendition_sets.items()} if with_renditions else {}
        rows = [
            p for id_, p in self.photos.items()
            if since is None or max(str(p["updated_at"] or since), changed.get(id_, "")) >= since
        ]  # fmt: skip
        if self.shuffle:
            random.shuffle(rows)
        offset, limit = request.get("offset", 0), min(request.get("limit", 100), self.max_page)
        more = offset + limit < len(rows)
        page = {
            "photos": rows[offset : offset + limit],
            "deleted_ids": self.deleted_ids if since is not None else [],
            "sync_timestamp": self.now.isoformat(),
            "total": len(rows),
            "has_more": more,
            "next_offset": offset + limit if more else None,
            "filter": {"company_id": request["company_id"], "store_id": request["store_id"]},
            "store": {"id": request["store_id"], "code": "AVRIL-001", "name": "AVR-SUNDA"},
        }
        if with_renditions:
            page["photos"] = [{**row, **self._renditions_on_page(row["id"])} for row in rows[offset : offset + limit]]
        if self.photo_digest is not None:
            page["products_changed_at"] = "2026-02-03T00:00:00+00:00"
            if "photo-digest" in prefer and offset == 0:
                page["digest"] = self.photo_digest()
                if with_renditions:
                    page["rendition_digest"] = self.rendition_digest()
        if self.change_page:
            self.change_page(page)
        return page

    def _renditions_on_page(self, photo_id: str) -> dict[str, Any]:
        shown = self.rendition_sets[photo_id] if self._lists_set(photo_id) else {"renditions": [], "thumbhash": None}
        centre = {"x": 0.5, "y": 0.5}
        return {"renditions": shown["renditions"], "focal_point": centre, "thumbhash": shown["thumbhash"]}


@contextmanager
def head_office() -> Iterator[Simulator]:
    """Yields a simulator on a free port of this machine."""
    simulator = Simulator()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            pass

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            simulator.posts.append((self.path, self.headers.get("Prefer", ""), body))
            request = json.loads(body)
            simulator.requests.append(self.path)
            if simulator.redirects_to is not None:
                self.response(Response(301, b"", {"Location": simulator.redirects_to + self.path}))
                return
            authorization, prefer = self.headers.get("Authorization", ""), self.headers.get("Prefer", "")
            response = _respond_to_post(simulator, self.path, authorization, request, prefer)
            if simulator.features is not None:
                response.headers = {**response.headers, "Etalase-Features": simulator.features}
            self.response(response)

        def do_GET(self) -> None:
            key = unquote(urlsplit(self.path).path).removeprefix("/product-images/")
            simulator.image_requests.append(self.path)
            simulator.ranges.append(self.headers.get("Range"))
            response = simulator.on_image(key) if simulator.on_image else None
            if response is None and key in simulator.bodies:
                response = _image(simulator.bodies[key], self.headers.get("Range"), self.headers.get("If-Match"))
                if simulator.cut_after is not None:
                    response.length, response.body = len(response.body), response.body[: simulator.cut_after]
                simulator.image_bytes_sent += len(response.body)
            self.response(response or Response(404, b"<Error><Code>NoSuchKey</Code></Error>"))

        def response(self, response: Response) -> None:
            self.send_response(response.status)
            for name, value in response.headers.items():
                self.send_header(name, value)
            if response.pieces is not None:
                self.close_connection = True
                self.end_headers()
                for piece in response.pieces:
                    self.wfile.write(piece)
                return
            self.send_header("Content-Length", str(len(response.body) if response.length is None else response.length))
            self.end_headers()
            self.wfile.write(response.body)
            if response.length is not None and response.length != len(response.body):
                self.close_connection = True

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            pass  # clients that hang up are part of many tests

    server = Server(("127.0.0.1", 0), Handler)
    simulator.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.005,))
    thread.start()
    try:
        yield simulator
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _image(body: bytes, wanted: str | None, condition: str | None) -> Response:
    """Responds as S3 does to GetObject: with an ETag, and with ranges."""
    etag = f'"{hashlib.md5(body).hexdigest()}"'
    headers = {"Content-Type": "image/jpeg", "ETag": etag}
    if condition is not None and condition != etag:
        return Response(412, b"<Error><Code>PreconditionFailed</Code></Error>")
    if wanted is None:
        return Response(body=body, headers=headers)
    begins, _, ends = wanted.removeprefix("bytes=").partition("-")
    first, last = int(begins), min(int(ends or len(body) - 1), len(body) - 1)
    if first >= len(body):
        return Response(416, b"<Error><Code>InvalidRange</Code></Error>")
    headers["Content-Range"] = f"bytes {first}-{last}/{len(body)}"
    return Response(206, body[first : last + 1], headers)


def _respond_to_report(simulator: Simulator, path: str, request: dict[str, Any]) -> Response | None:
    """Returns the response to a report, None where a page follows, or where there is no report."""
    alone = path == "/api/v1/sync/report/" and simulator.features is not None
    if not alone and "report" not in request:
        return None
    report = request if alone else request["report"]
    simulator.reports.append((path, report))
    answer = simulator.on_report(report) if simulator.on_report else None
    if answer is None and alone:
        return Response(body=b'{"challenges": [], "orders": []}', headers={"Content-Type": simulator.content_type})
    return answer


def _respond_with_tokens(simulator: Simulator, path: str, request: dict[str, Any]) -> Response:
    as_json = {"Content-Type": simulator.content_type}
    if path == "/api/v1/token/":
        if request.get("password") != simulator.password:
            return Response(401, b'{"detail":"No active account found with the given credentials"}', as_json)
        both = {"access": simulator.access_token, "refresh": simulator.refresh_token}
        return Response(body=json.dumps(both).encode(), headers=as_json)
    if request.get("refresh") != simulator.refresh_token:
        return Response(401, b'{"detail":"Token is expired","code":"token_not_valid"}', as_json)
    return Response(body=json.dumps({"access": simulator.access_token}).encode(), headers=as_json)


def _respond_to_post(simulator: Simulator, path: str, authorization: str, request: dict[str, Any], prefer: str) -> Response:
    as_json = {"Content-Type": simulator.content_type}
    if path.startswith("/api/v1/token/") and simulator.on_token and (response := simulator.on_token(path, request)):
        return response
    if path.startswith("/api/v1/token/"):
        return _respond_with_tokens(simulator, path, request)
    response = simulator.on_feed_token(authorization.removeprefix("Bearer ")) if simulator.on_feed_token else None
    if response or authorization != f"Bearer {simulator.access_token}":
        return response or Response(401, b'{"detail":"Given token not valid for any token type"}', as_json)
    if (answer := _respond_to_report(simulator, path, request)) is not None:
        return answer
    if path != "/api/v1/sync/product-photos/":
        return simulator.on_products(request) if simulator.on_products else Response(404, b"{}", as_json)
    simulator.feed_requests.append(request)
    if simulator.on_page and (response := simulator.on_page(request)):
        return response
    if request["store_id"] != STORE_ID or request["company_id"] != COMPANY_ID:
        return Response(404, b'{"detail":"Not found."}', as_json)
    return Response(body=json.dumps(simulator.page(request, prefer)).encode(), headers=as_json)
