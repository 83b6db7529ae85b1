"""The statement that reads all stores of some companies with what judges them, in one snapshot.

A row of ``head_office_store_report`` says what was true at ``changed_as_of`` and ``sold_as_of``, both horizons (ADR 0007). What
became visible to the store since then is found here, only for stores whose verdict depends on it:

- sales of the store, by its newest ones;
- changes of dishes, once for all stores with the same dishes: few changes by the stores that sell the changed dishes. Of many
  changes first the newest, of which a store mostly sells one, then all, by the stores that sell the changed dishes, or by the
  dishes of the stores, whichever is less to read.

``OFFSET 0`` and ``MATERIALIZED`` fix the order of reading, since a prepared statement is planned without any value (ADR 0034).
"""

from typing import Final

from etalase.head_office.fleet.comparison import DigestProof


def within(company_id: str) -> str:
    """Returns the condition that the column has a company that the account sees; its values are those of ``Reach``."""
    companies = "SELECT company_id FROM head_office_account_companies WHERE account_id = %(account_id)s::uuid"
    return f"(%(all)s OR {company_id} IN ({companies}))"


# How many of the newest changes are tried for each set of dishes, before the way that reads all of them.
FIRST_TRIED: Final = 8
# Up to so many pairs of a changed dish and a store for each set of dishes, the changes are followed to the stores: at once, or
# for the sets that sell none of the newest changes.
FOLLOWED_AT_ONCE: Final = 3
FOLLOWED_EACH: Final = 20
# Comparisons that a later change outdates.
OUTDATED: Final = (DigestProof.EQUAL, DigestProof.DIFFERENT, DigestProof.NO_DIGEST)

# Read as seconds: ten thousand rows of times take Django a quarter of a second.
TIMES: Final = (
    *("tokens_end_at", "received_at", "due_at", "behind_due_at", "second_at", "possession_proved_at", "challenge_failed_at"),
)

_STORES = f"""
    SELECT s.id AS store_id, s.company_id, s.code, s.name, s.region, r.agent, r.received_at, r.due_at, r.behind_due_at,
        r.comparison, r.is_cloned, r.second_at, r.damaged, r.owed, r.parked, r.held, r.missing, r.possession_proved_at,
        r.challenge_failed_at, r.assortment COLLATE "C" AS assortment,
        greatest(r.changed_as_of, r.checkpoint) AS since, greatest(r.sold_as_of, r.checkpoint) AS sold_since,
        a.is_active, a.store_id IS NOT NULL AS has_account, clock.now,
        CASE WHEN r.store_id IS NULL THEN (
            SELECT max(f.expires_at) FROM head_office_account x JOIN head_office_token_family f ON f.account_id = x.id
            WHERE x.store_id = s.id AND NOT x.is_staff
        ) END AS tokens_end_at
    FROM (SELECT head_office_clock() AS now OFFSET 0) clock
    CROSS JOIN head_office_store s
    LEFT JOIN (
        SELECT * FROM head_office_store_report WHERE %(only)s::uuid IS NULL OR store_id = %(only)s::uuid OFFSET 0
    ) r ON r.store_id = s.id
    LEFT JOIN (
        SELECT store_id, bool_or(is_active) AS is_active FROM head_office_account
        WHERE store_id IS NOT NULL AND NOT is_staff GROUP BY store_id
    ) a ON a.store_id = s.id
    WHERE {within("s.company_id")} AND (%(only)s::uuid IS NULL OR s.id = %(only)s::uuid)
"""

_SOLD = """
    SELECT l.store_id, l.company_id, l.assortment, l.since, EXISTS (
        SELECT FROM head_office_assortment WHERE store_id = l.store_id AND updated_at >= l.sold_since OFFSET 0
    ) OR ((SELECT max(changed_at) FROM head_office_assortment_tombstone) >= l.sold_since AND EXISTS (
        SELECT FROM head_office_assortment_tombstone WHERE store_id = l.store_id AND changed_at >= l.sold_since OFFSET 0
    )) IS TRUE AS is_sold
    FROM stores l
    WHERE l.comparison = ANY(%(outdated)s) AND l.is_active AND l.now <= l.due_at + %(grace)s
"""

_CHANGED = """
    SELECT p.id AS product_id, p.company_id, c.at, row_number() OVER (PARTITION BY p.company_id ORDER BY c.at DESC) AS number
    FROM (
        SELECT product_id, max(at) AS at
        FROM (
            SELECT id AS product_id, updated_at AS at FROM head_office_product WHERE updated_at >= (SELECT since FROM oldest)
            UNION ALL
            SELECT product_id, updated_at FROM head_office_photo WHERE updated_at >= (SELECT since FROM oldest)
            UNION ALL
            SELECT product_id, changed_at FROM head_office_photo_tombstone WHERE changed_at >= (SELECT since FROM oldest)
        ) every
        GROUP BY product_id OFFSET 0
    ) c
    CROSS JOIN LATERAL (SELECT id, company_id FROM head_office_product WHERE id = c.product_id OFFSET 0) p
"""

_NEWEST = """
    SELECT company_id, max(at) AS at, max(number) > %(first_tried)s AS has_more,
        array_agg(product_id ORDER BY number) FILTER (WHERE number <= %(first_tried)s) AS products,
        array_agg(at ORDER BY number) FILTER (WHERE number <= %(first_tried)s) AS times
    FROM changed GROUP BY company_id
"""

_GROUPS = """
    SELECT assortment, company_id, (array_agg(store_id))[1] AS store_id, min(since) AS since
    FROM looked WHERE NOT is_sold AND since <= (SELECT max(at) FROM newest)
    GROUP BY assortment, company_id
"""

# Whether the stores that sell the changed dishes are less to read than ``{groups}``.
_WAY = """
    SELECT count(*) <= (SELECT count(*) * {each} FROM {groups}) AS are_few
    FROM (
        SELECT FROM changed c
        CROSS JOIN LATERAL (SELECT FROM head_office_assortment WHERE product_id = c.product_id OFFSET 0) a
        WHERE EXISTS (SELECT FROM {groups}) LIMIT (SELECT count(*) * {each} + 1 FROM {groups})
    ) pairs
"""

_FOLLOWED = """
    SELECT r.assortment, r.company_id, max(pairs.at) AS at
    FROM (
        SELECT a.store_id, c.at
        FROM changed c
        CROSS JOIN LATERAL (SELECT store_id FROM head_office_assortment WHERE product_id = c.product_id OFFSET 0) a
        WHERE (SELECT are_few FROM {way}) OFFSET 0
    ) pairs
    JOIN {groups} r ON r.store_id = pairs.store_id
    GROUP BY r.assortment, r.company_id
"""

# The newest changes first, so that the first one that the store sells is the newest of all that it sells. unnest returns the
# elements in their order.
_TRIED = """
    SELECT g.*, newest.has_more, hit.at
    FROM groups g
    JOIN newest ON newest.company_id = g.company_id AND g.since <= newest.at
    LEFT JOIN LATERAL (
        SELECT c.at FROM unnest(newest.products, newest.times) c (product_id, at)
        WHERE c.at >= g.since AND EXISTS (
            SELECT FROM head_office_assortment WHERE store_id = g.store_id AND product_id = c.product_id OFFSET 0
        )
        LIMIT 1
    ) hit ON true
    WHERE NOT (SELECT are_few FROM way)
"""

# A change after the newest ``since`` of all outdates any store that sells the dish: one is enough. IS TRUE keeps the changes in
# a hash table.
_WALKED = """
    SELECT r.*, EXISTS (
        SELECT FROM (SELECT product_id FROM head_office_assortment WHERE store_id = r.store_id OFFSET 0) a
        WHERE (a.product_id IN (SELECT product_id FROM changed WHERE at >= (SELECT max(since) FROM looked))) IS TRUE
    ) AS is_outdated
    FROM rest r WHERE NOT (SELECT are_few FROM rest_way)
"""
_WALKED_AGAIN = """
    SELECT pairs.assortment, pairs.company_id, max(c.at) AS at
    FROM (
        SELECT r.assortment, r.company_id, a.product_id
        FROM walked r
        CROSS JOIN LATERAL (SELECT product_id FROM head_office_assortment WHERE store_id = r.store_id OFFSET 0) a
        WHERE NOT r.is_outdated AND (SELECT min(at) FROM changed) < (SELECT max(since) FROM looked) OFFSET 0
    ) pairs
    JOIN changed c ON c.product_id = pairs.product_id
    GROUP BY pairs.assortment, pairs.company_id
"""

STORES: Final = f"""
WITH stores AS MATERIALIZED ({_STORES}),
looked AS MATERIALIZED ({_SOLD}),
oldest AS MATERIALIZED (SELECT min(since) AS since FROM looked WHERE NOT is_sold),
changed AS MATERIALIZED ({_CHANGED}),
newest AS MATERIALIZED ({_NEWEST}),
groups AS MATERIALIZED ({_GROUPS}),
way AS MATERIALIZED ({_WAY.format(groups="groups", each="%(followed_at_once)s")}),
tried AS MATERIALIZED ({_TRIED}),
rest AS MATERIALIZED (SELECT * FROM tried WHERE at IS NULL AND has_more),
rest_way AS MATERIALIZED ({_WAY.format(groups="rest", each="%(followed_each)s")}),
walked AS MATERIALIZED ({_WALKED}),
seen AS MATERIALIZED (
    SELECT assortment, company_id, at FROM tried WHERE at IS NOT NULL
    UNION ALL ({_FOLLOWED.format(groups="groups", way="way")})
    UNION ALL ({_FOLLOWED.format(groups="rest", way="rest_way")})
    UNION ALL SELECT assortment, company_id, (SELECT max(since) FROM looked) FROM walked WHERE is_outdated
    UNION ALL ({_WALKED_AGAIN})
)
SELECT s.store_id::text, s.code, s.name, s.region, coalesce(s.agent, ''), date_part('epoch', s.now), s.has_account, s.is_active,
    {", ".join(f"date_part('epoch', s.{name})" for name in TIMES)}, s.comparison, s.is_cloned, s.damaged, s.owed, s.parked,
    s.held, s.missing, coalesce(l.is_sold OR seen.at >= l.since, false) AS is_outdated
FROM stores s
LEFT JOIN looked l ON l.store_id = s.store_id
LEFT JOIN seen ON seen.assortment = l.assortment AND seen.company_id = l.company_id AND NOT l.is_sold
ORDER BY s.code COLLATE "C", s.store_id
"""
VALUES: Final = {
    "outdated": [proof.value for proof in OUTDATED],
    "first_tried": FIRST_TRIED,
    "followed_at_once": FOLLOWED_AT_ONCE,
    "followed_each": FOLLOWED_EACH,
}
