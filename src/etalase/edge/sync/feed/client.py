"""Requests the pages of head office's feeds and checks that they belong together."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar
from uuid import UUID

from etalase.edge.sync.feed.features import offers_renditions, takes_reports, without_renditions
from etalase.edge.sync.feed.lenient import read_photo_page, read_product_page
from etalase.edge.sync.feed.paths import PHOTOS_PATH, PRODUCTS_PATH
from etalase.edge.sync.feed.renditions import read_rendition_page
from etalase.edge.sync.feed.session import Session
from etalase.errors import FeedRefused, HeadOfficeError, HeadOfficeRefused
from etalase.protocol import DEFAULT_LIMIT, DIGEST_PREFERENCE, Page, ProductPage, check_envelope
from etalase.renditions import RENDITIONS_PREFERENCE
from etalase.report import REPORT_PATH

# The statuses for an invalid value in a request: 400 in Django, 422 in others (RFC 9110, section 15.5.21).
VALUE_REFUSED: Final = frozenset({400, 422})

P_co = TypeVar("P_co", Page, ProductPage, covariant=True)
P = TypeVar("P", Page, ProductPage)


class Reader(Protocol[P_co]):
    """Parses a page. Raises :class:`FeedRefused`."""

    def __call__(self, body: bytes, *, what: str) -> P_co: ...


class Reports(Protocol):
    """The reports of this store (:class:`etalase.edge.sync.reporter.Reporter`). No method raises."""

    def first_report(self) -> dict[str, object] | None: ...
    def report(self) -> dict[str, object] | None: ...
    def taken(self, body: bytes) -> None: ...
    def left_out(self, error: HeadOfficeError) -> None: ...


@dataclass(slots=True)
class HeadOffice:
    """The feeds of one store at head office, for use from one thread."""

    session: Session
    company_id: UUID
    store_id: UUID
    page_limit: int
    # Some head offices filter a page after they cut it, so that single pages are empty.
    max_empty_pages: int = 200
    takes_renditions: bool = True
    reporter: Reports | None = None

    @property
    def features(self) -> str:
        """Returns the abilities that head office announced last, as far as this edge uses them."""
        announced = self.session.features
        return announced if self.takes_renditions else without_renditions(announced)

    @features.setter
    def features(self, known: str) -> None:
        self.session.features = known

    def photo_pages(self, updated_since: str | None, *, with_digest: bool = False) -> Iterator[Page]:
        """Yields the pages of the photo feed since ``updated_since`` (HO's own text), or all pages.

        ``with_digest`` requests the digest with the first page; HO may ignore it. Requests renditions from an HO that
        announced them; then pages are :class:`RenditionPage`. Raises :class:`HeadOfficeError`.
        """
        self.session.usable_tokens()  # a login's response tells what the first page may be asked for
        with_renditions = False

        def headers(offset: int) -> dict[str, str]:
            nonlocal with_renditions
            with_renditions = offers_renditions(self.features)
            preferences = [DIGEST_PREFERENCE] * (with_digest and offset == 0) + [RENDITIONS_PREFERENCE] * with_renditions
            return {"Prefer": ", ".join(preferences)} if preferences else {}

        def read(body: bytes, *, what: str) -> Page:
            is_theirs = with_renditions and offers_renditions(self.features)
            return (read_rendition_page if is_theirs else read_photo_page)(body, what=what)

        # A full list begins with a page that takes one round trip, so that its photos begin early (ADR 0037).
        first_limit = min(self.page_limit, DEFAULT_LIMIT) if updated_since is None else self.page_limit
        yield from self._pages(
            PHOTOS_PATH, read, updated_since, lambda page: (photo.id for photo in page.photos), first_limit, headers
        )

    def send_report(self) -> None:
        """Sends a report by itself, once, to a head office that takes them."""
        if self.reporter is None or not takes_reports(self.session.features):
            return
        report = self.reporter.report()
        if report is None:
            return
        try:
            body = self.session.post(REPORT_PATH, {**self._own_store(), **report}, {}, tries=1)
        except HeadOfficeError as error:
            self.reporter.left_out(error)
        else:
            self.reporter.taken(body)

    def _first_page(self, path: str, request: Mapping[str, object], headers: Mapping[str, str]) -> bytes:
        """Returns a feed's first page, requested with the report that is due, if head office takes one.

        Where that fails, the request is repeated without it. Raises :class:`HeadOfficeError`.
        """
        reporter = self.reporter if path == PHOTOS_PATH and takes_reports(self.session.features) else None
        report = None if reporter is None else reporter.first_report()
        if reporter is None or report is None:
            return self.session.post(path, request, headers)
        try:
            body = self.session.post(path, {**request, "report": report}, headers, tries=1)
        except HeadOfficeError as error:
            body = self.session.post(path, request, headers)
            reporter.left_out(error)
        else:
            reporter.taken(body)
        return body

    def _own_store(self) -> dict[str, object]:
        return {"company_id": str(self.company_id), "store_id": str(self.store_id)}

    def product_pages(self, updated_since: str | None) -> Iterator[ProductPage]:
        """Yields the pages of the product feed. Raises :class:`HeadOfficeRefused` with status 404 for an HO without one."""
        yield from self._pages(
            PRODUCTS_PATH, read_product_page, updated_since, lambda page: (p.id for p in page.products), self.page_limit
        )

    def _pages(
        self,
        path: str,
        read: "Reader[P]",
        updated_since: str | None,
        ids: Callable[[P], Iterable[UUID]],
        first_limit: int,
        headers: Callable[[int], Mapping[str, str]] = lambda _: {},
    ) -> Iterator[P]:
        """Yields the pages of a feed. ``headers`` returns those of the request at an offset."""
        offset, limit, empty_pages = 0, first_limit, 0
        most = self.page_limit
        names_its_store: bool | None = None
        seen: set[int] = set()  # hashes: half the memory of the ids, and a feed may list 100,000
        while True:
            request = {**self._own_store(), "limit": limit, "offset": offset}
            if updated_since is not None:
                request["updated_since"] = updated_since
            try:
                post = self.session.post if offset else self._first_page
                body = post(path, request, headers(offset))
                page: P = read(body, what=f"Page of {path} at offset {offset}")
            except HeadOfficeRefused as error:
                if error.status in VALUE_REFUSED and limit > DEFAULT_LIMIT:
                    limit = most = DEFAULT_LIMIT  # the HO allows only smaller pages
                    continue
                raise
            check_envelope(page, company_id=self.company_id, store_id=self.store_id, offset=offset)
            if names_its_store not in {None, page.names_its_store}:
                raise FeedRefused(f"{path} names its store on some pages only (offset {offset}).")
            names_its_store = page.names_its_store
            if page.full and updated_since is not None:
                if offset > 0:  # deletions are in the pages before, and not in this one
                    raise FeedRefused(f"{path} began with changes, and continues at offset {offset} with the full list.")
                updated_since = None
            listed = {*map(hash, ids(page)), *map(hash, page.deleted_ids)}
            new = listed - seen
            empty_pages = 0 if listed else empty_pages + 1
            if page.has_more and not new and (listed or empty_pages > self.max_empty_pages):
                raise FeedRefused(f"{path} at offset {offset} says has_more, but only repeats earlier pages.")
            seen |= new
            yield page
            # Without has_more, next_offset is followed as long as pages have new rows.
            has_more = page.has_more if page.has_more is not None else bool(new)
            if not has_more or page.next_offset is None or page.next_offset <= offset:
                return
            offset, limit = page.next_offset, most
