"""Computes the impact of a removal on tills: dishes and stores with a loss, and whether a person has to confirm it.

Import with ``--prune`` and each removing page of the admin compute the impact before they remove anything.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import Count, Q
from django.db.models.functions import Now

from etalase.daily_bound import PERIOD
from etalase.head_office.change_bound import Change, ChangeKind, Confirmation
from etalase.head_office.feed_models import AssortmentTombstone, PhotoTombstone
from etalase.head_office.models import Account, Assortment, Company, Photo, Product, Store


@dataclass(frozen=True, slots=True)
class RowsToRemove:
    """Rows to remove. A product takes its photos and sales with it, a store its sales; a sale is (store, product).

    ``replaced`` are products that get a new photo at the same time and are therefore not bare afterwards; ``resold`` are
    products that another store begins to sell.
    """

    products: Collection[UUID] = frozenset()
    photos: Collection[UUID] = frozenset()
    sales: Collection[tuple[UUID, UUID]] = frozenset()
    stores: Collection[UUID] = frozenset()
    accounts: Collection[UUID] = frozenset()
    replaced: Collection[UUID] = frozenset()
    resold: Collection[UUID] = frozenset()

    @property
    def is_empty(self) -> bool:
        """Returns whether nothing is to be removed."""
        return not (self.products or self.photos or self.sales or self.stores or self.accounts)


@dataclass(slots=True)
class Impact:
    """The loss on tills: dishes by name, and numbers by company and store.

    ``bare`` are dishes without a photo afterwards, ``unsold`` dishes that no store sells afterwards, ``fewer`` dishes that only
    some stores lose. ``cut_off`` are stores without an active account afterwards.
    """

    removed: list[str] = field(default_factory=list)
    bare: list[str] = field(default_factory=list)
    unsold: list[str] = field(default_factory=list)
    fewer: list[str] = field(default_factory=list)
    stores: dict[str, int] = field(default_factory=dict)
    cut_off: list[str] = field(default_factory=list)
    photos: int = 0
    sales: int = 0
    touched: frozenset[UUID] = frozenset()
    changes: list[Change] = field(default_factory=list)

    @property
    def number(self) -> int:
        """Returns the number of dishes with a loss; without one, the number of stores that are cut off."""
        return len(self.touched) or len(self.cut_off)

    @property
    def confirmation(self) -> Confirmation:
        """Returns the confirmation that a person has to give."""
        return Confirmation(self.number, tuple(self.changes))


@dataclass(frozen=True, slots=True)
class _Sets:
    """The affected rows as sets; ``sales`` are products by store."""

    products: frozenset[UUID]
    with_photo: frozenset[UUID]
    bare: frozenset[UUID]
    unsold: frozenset[UUID]
    sales: Mapping[UUID, set[UUID]]


def impact_of(removal: RowsToRemove) -> Impact:
    """Returns the impact that ``removal`` would have now; removes nothing."""
    if removal.is_empty:
        return Impact()
    sets, photos = _sets(removal)
    touched = sets.products | sets.bare | sets.unsold | frozenset().union(*sets.sales.values())
    dishes = Product.objects.filter(id__in=touched).select_related("company").order_by("sku")
    impact = Impact(photos=photos, sales=sum(map(len, sets.sales.values())), touched=touched)
    by_company: dict[UUID, set[UUID]] = defaultdict(set)
    for dish in dishes:
        by_company[dish.company_id].add(dish.id)
        if dish.id in sets.products:
            impact.removed.append(str(dish))
            continue
        if dish.id in sets.bare:
            impact.bare.append(str(dish))
        if dish.id in sets.unsold:
            impact.unsold.append(str(dish))
        elif dish.id not in sets.bare:
            impact.fewer.append(str(dish))
    for company in Company.objects.filter(id__in=by_company):
        impact.changes += _of_company(company, by_company[company.id], sets)
    _of_stores(sets, impact)
    _of_accounts(removal, impact)
    return impact


def _sets(removal: RowsToRemove) -> tuple[_Sets, int]:
    products = frozenset(removal.products)
    photos = Photo.objects.filter(Q(id__in=removal.photos) | Q(product__in=products))
    losing = frozenset(photos.values_list("product_id", flat=True))
    staying = frozenset(
        Photo.objects.filter(product__in=losing - products).exclude(id__in=removal.photos).values_list("product_id", flat=True)
    )
    sales: dict[UUID, set[UUID]] = defaultdict(set)
    for store_id, product_id in removal.sales:
        sales[store_id].add(product_id)
    further = Assortment.objects.filter(Q(product__in=products) | Q(store__in=removal.stores))
    for store_id, product_id in further.values_list("store_id", "product_id"):
        sales[store_id].add(product_id)
    sold: dict[UUID, int] = defaultdict(int)
    for of_store in sales.values():
        for product_id in of_store:
            sold[product_id] += 1
    now_sold = Product.objects.filter(id__in=sold.keys() - products).annotate(n=Count("assortment")).values_list("id", "n")
    unsold = frozenset(product_id for product_id, stores in now_sold if stores <= sold[product_id]) - set(removal.resold)
    bare = losing - staying - products - frozenset(removal.replaced)
    return _Sets(products, losing & products, bare, unsold, sales), photos.count()


def _of_company(company: Company, touched: set[UUID], sets: _Sets) -> Iterable[Change]:
    """Yields the numbers of the company's dishes that are removed, lose their last photo or are no longer sold."""
    mine = Product.objects.filter(company=company)
    sold = frozenset(Assortment.objects.filter(product__in=touched & sets.products).values_list("product_id", flat=True))
    removed, bared, unsold = _lately(company)
    yield Change(company.name, ChangeKind.REMOVED, len(touched & sets.products), mine.count(), len(removed))
    yield Change(
        company.name,
        ChangeKind.BARE,
        len(touched & (sets.bare | sets.with_photo)),
        mine.filter(photos__isnull=False).distinct().count(),
        len(bared),
    )
    yield Change(
        company.name,
        ChangeKind.UNSOLD,
        len(touched & sets.unsold) + len(sold),
        mine.filter(assortment__isnull=False).distinct().count(),
        len(unsold),
    )


def _lately(company: Company) -> tuple[set[UUID], set[UUID], set[UUID]]:
    """Returns the dishes removed, left without a photo and unsold within 24 hours, by the feed's tombstones, unless undone."""
    since = Now() - PERIOD
    sales = AssortmentTombstone.objects.filter(changed_at__gt=since, store_id__in=company.store_set.values("id"))
    ended = set(sales.values_list("product_id", flat=True).distinct())
    buried = set(PhotoTombstone.objects.filter(changed_at__gt=since).values_list("product_id", flat=True).distinct())
    there = set(Product.objects.filter(company=company, id__in=ended | buried).values_list("id", flat=True))
    shown = set(Photo.objects.filter(product__in=buried).values_list("product_id", flat=True))
    sold = set(Assortment.objects.filter(product__in=ended).values_list("product_id", flat=True))
    removed = ended - there
    return removed, (buried & (there | removed)) - shown, ended - sold


def _of_stores(sets: _Sets, impact: Impact) -> None:
    """Adds the number of dishes that each store loses or that lose their last photo there."""
    bare_in: dict[UUID, set[UUID]] = defaultdict(set)
    for store_id, product_id in Assortment.objects.filter(product__in=sets.bare).values_list("store_id", "product_id"):
        bare_in[store_id].add(product_id)
    ids = sets.sales.keys() | bare_in.keys()
    since = Now() - PERIOD
    ended: dict[UUID, set[UUID]] = defaultdict(set)
    tombstones = AssortmentTombstone.objects.filter(changed_at__gt=since, store_id__in=ids)
    for store_id, product_id in tombstones.values_list("store_id", "product_id"):
        ended[store_id].add(product_id)
    for store in Store.objects.filter(id__in=ids).annotate(sold=Count("assortment")):
        lost = sets.sales.get(store.id, set()) | bare_in[store.id]
        again = Assortment.objects.filter(store=store, product__in=ended[store.id]).count() if ended[store.id] else 0
        impact.stores[str(store)] = len(lost)
        kind = ChangeKind.LOST if lost - sets.sales.get(store.id, set()) else ChangeKind.UNSOLD
        impact.changes.append(Change(str(store), kind, len(lost), store.sold, len(ended[store.id]) - again))


def _of_accounts(removal: RowsToRemove, impact: Impact) -> None:
    """Adds the stores that lose their last active account, so that their edge can no longer log in."""
    theirs = Account.objects.filter(id__in=removal.accounts, is_active=True, store__isnull=False).exclude(
        store__in=removal.stores
    )
    left = Account.objects.filter(is_active=True, store__isnull=False).exclude(id__in=removal.accounts)
    lost = Store.objects.filter(id__in=theirs.values("store_id")).exclude(id__in=left.values("store_id"))
    impact.cut_off = [str(store) for store in lost]
    by_company: dict[Company, int] = defaultdict(int)
    for store in lost.select_related("company"):
        by_company[store.company] += 1
    for company, number in by_company.items():
        impact.changes.append(Change(company.name, ChangeKind.CUT_OFF, number, company.store_set.count()))
