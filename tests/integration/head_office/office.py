"""A head office to edit and an edge that follows its feed, for the tests of the feed."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import msgspec
from django.db import connection

from etalase.head_office import feed
from etalase.head_office.feed_bucket import PublicBucket
from etalase.head_office.models import Assortment, Company, Photo, Product, Store
from etalase.photo_digest import photos_digest
from etalase.protocol import Page, ProductPage, check_envelope, parse, parse_time
from etalase.protocol import Photo as WirePhoto

BUCKET = PublicBucket(public_url="http://photos.example:9000", name="product-images")


@dataclass
class Office:
    """A company with a store, to which tests add products and photos. Photos are rows only, without objects."""

    company: Company
    store: Store

    def another_store(self, code: str = "BDG-002") -> Store:
        """Adds a second store of the company."""
        return Store.objects.create(company=self.company, code=code, name=f"Store {code}")

    def product(
        self,
        sku: str = "05018970",
        *,
        name: str = "ASAHI SALMON BOWL",
        sold_in: list[Store] | None = None,
        id_: UUID | None = None,
    ) -> Product:
        """Adds a product, by default sold in the store."""
        product = Product.objects.create(id=id_ or uuid.uuid4(), company=self.company, sku=sku, name=name)
        for store in [self.store] if sold_in is None else sold_in:
            Assortment.objects.create(store=store, product=product)
        return product

    def photo(self, product: Product, **given: Any) -> Photo:
        """Adds a photo of the product."""
        id_ = given.pop("id", None) or uuid.uuid4()
        row = {
            "object_key": f"products/{product.id}/{id_}.jpg",
            "filename": "dish.jpg",
            "source": f"{id_}.jpg",
            "size": 43111,
            "content_type": "image/jpeg",
            "checksum": "5cd6a73f49b355a6fd4347f5dd0a2338",
        }
        return Photo.objects.create(id=id_, product=product, **{**row, **given})

    def page(
        self,
        *,
        store: Store | None = None,
        limit: int = 100,
        offset: int = 0,
        since: str | None = None,
        with_digest: bool = False,
    ) -> Page:
        """Returns a page of the photo feed, encoded and parsed as on the wire, and checked as by an edge."""
        request = replace(self._request(limit, offset, since), with_digest=with_digest)
        store_identity = self._identity(store)
        body = msgspec.json.encode(feed.photo_page(store_identity, request, BUCKET))
        page = parse(body, Page, what="page")
        check_envelope(page, company_id=store_identity.company_id, store_id=store_identity.id, offset=offset)
        assert len(page.photos) + len(page.deleted_ids) <= limit
        return page

    def products_page(self, *, limit: int = 100, offset: int = 0, since: str | None = None) -> ProductPage:
        """Returns a page of the product feed, in the same way."""
        store_identity = self._identity(None)
        body = msgspec.json.encode(feed.product_page(store_identity, self._request(limit, offset, since)))
        page = parse(body, ProductPage, what="page")
        check_envelope(page, company_id=store_identity.company_id, store_id=store_identity.id, offset=offset)
        return page

    @staticmethod
    def _request(limit: int, offset: int, since: str | None) -> feed.PageRequest:
        moment = None if since is None else parse_time(since, field="updated_since")
        return feed.PageRequest(limit=limit, offset=offset, updated_since=moment)

    def _identity(self, store: Store | None) -> feed.StoreIdentity:
        store = store or self.store
        return feed.StoreIdentity(id=store.id, company_id=store.company_id, code=store.code, name=store.name)


@dataclass
class Edge:
    """A minimal client of the protocol, which stores the photos of the feed.

    ``head_office_digest`` is the digest on the first page of its last run.
    """

    ask: Callable[..., Page]
    photos: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    checkpoint: str | None = None
    head_office_digest: str | None = None

    @property
    def digest(self) -> str:
        """Returns the digest of its own photos."""
        return photos_digest(msgspec.convert([self.photos[id_] for id_ in sorted(self.photos)], list[WirePhoto]))

    def sync(self, *, full: bool = False, limit: int = 100) -> None:
        """Runs once, from the first page to the last."""
        for _ in self.pages(full=full, limit=limit):
            pass

    def pages(self, *, full: bool = False, limit: int = 100) -> Iterator[Page]:
        """Runs once and yields after each page; at the end removes photos missing from a full set and moves the checkpoint."""
        since = None if full else self.checkpoint
        page = self.ask(limit=limit, since=since, with_digest=True)
        first, whole = page, since is None or page.full
        self.head_office_digest = first.digest
        listed: set[UUID] = set()
        while True:
            for id_ in page.deleted_ids:
                self.photos.pop(id_, None)
            self.photos |= {photo.id: msgspec.to_builtins(photo) for photo in page.photos}
            listed |= {photo.id for photo in page.photos}
            yield page
            if page.next_offset is None:
                break
            page = self.ask(limit=limit, offset=page.next_offset, since=None if whole else since)
        if whole:
            self.photos = {id_: photo for id_, photo in self.photos.items() if id_ in listed}
        self.checkpoint = first.sync_timestamp


def delete(row: Photo | Product) -> None:
    """Deletes the row with Django; the instance keeps its id for later checks."""
    id_ = row.id
    row.delete()
    row.id = id_


def roll_clock(interval: str) -> None:
    """Sets head office's clock ahead by ``interval``; ``0`` resets it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE OR REPLACE FUNCTION head_office_clock() RETURNS timestamptz LANGUAGE sql VOLATILE AS "
            f"$$ SELECT clock_timestamp() + interval '{interval}' $$"
        )
