"""Builds the parts of the feed's statements that find what changed for a store since a time (ADR 0034).

They are used below ``state`` of feed_sql, which has the newest stamp and the number of rows of the store.
"""


def changed_photos(*, with_renditions: bool) -> str:
    """Returns the rows of the photos and tombstones of a store that changed, with its renditions or without."""
    if not with_renditions:
        dishes = DISHES.format(newest="state.newest", more=_MORE_PHOTOS)
        return CHANGED_PHOTOS.format(dishes=dishes, times="p.updated_at, a.updated_at, (f.photo).updated_at", sets="")
    newest = f"greatest(state.newest, ({NEWEST_RENDITIONS}))"
    return CHANGED_PHOTOS.format(
        dishes=DISHES.format(newest=newest, more=_MORE_PHOTOS + _MORE_RENDITIONS),
        times="p.updated_at, a.updated_at, (f.photo).updated_at, s.changed_at",
        sets=CHANGED_SETS,
    )


def changed_products() -> str:
    """Returns the rows of the products and tombstones of a store that changed."""
    return CHANGED_PRODUCTS.format(dishes=DISHES.format(newest="state.newest", more=""))


NEWEST_RENDITIONS = "SELECT max(changed_at) FROM head_office_rendition_set"

# The store's products among those that changed in the chain, or all of the store's where more of the chain changed than the
# store has. What changed of a product is checked afterwards.
DISHES = """
    WITH changed AS MATERIALIZED (
        SELECT product_id FROM (
            SELECT id AS product_id FROM head_office_product WHERE updated_at >= %(since)s
            UNION ALL
            SELECT product_id FROM head_office_assortment WHERE store_id = %(store_id)s AND updated_at >= %(since)s
            {more}
        ) changed
        WHERE {newest} >= %(since)s
        LIMIT state.total + 1
    ),
    few AS MATERIALIZED (SELECT count(*) <= state.total AS are_few FROM changed),
    dishes AS (
        SELECT DISTINCT product_id FROM changed WHERE (SELECT are_few FROM few)
        UNION ALL
        SELECT product_id FROM head_office_assortment WHERE store_id = %(store_id)s AND NOT (SELECT are_few FROM few)
    )
"""
_MORE_PHOTOS = """
            UNION ALL
            SELECT product_id FROM head_office_photo WHERE updated_at >= %(since)s
"""
_MORE_RENDITIONS = """
            UNION ALL
            SELECT f.product_id
            FROM (SELECT photo_id FROM head_office_rendition_set WHERE changed_at >= %(since)s OFFSET 0) s
            CROSS JOIN LATERAL (SELECT product_id FROM head_office_photo WHERE id = s.photo_id OFFSET 0) f
"""

CHANGED_SETS = """
    LEFT JOIN LATERAL (
        SELECT changed_at FROM head_office_rendition_set WHERE photo_id = (f.photo).id OFFSET 0
    ) s ON true
"""

# A photo is deleted for a store that sold its product before the deletion, or that stopped selling the product after the
# photo was made, unless the store has the photo again.
CHANGED_PHOTOS = """
(
    {dishes}
    SELECT (f.photo).position, true AS is_live, (f.photo).id, f.photo
    FROM dishes
    CROSS JOIN LATERAL (
        SELECT updated_at FROM head_office_assortment WHERE store_id = %(store_id)s AND product_id = dishes.product_id OFFSET 0
    ) a
    CROSS JOIN LATERAL (SELECT updated_at FROM head_office_product WHERE id = dishes.product_id OFFSET 0) p
    CROSS JOIN LATERAL (
        SELECT photo FROM head_office_photo photo WHERE product_id = dishes.product_id AND position > %(offset)s OFFSET 0
    ) f
    {sets}
    WHERE greatest({times}) >= %(since)s
    ORDER BY 1 LIMIT %(limit)s + 1
)
UNION ALL
(
    SELECT max(deleted.position), false, deleted.photo_id, NULL
    FROM (
        SELECT t.photo_id, t.position
        FROM (SELECT * FROM head_office_photo_tombstone WHERE changed_at >= %(since)s OFFSET 0) t
        CROSS JOIN LATERAL (
            SELECT min(first_sold_at) AS first_sold_at
            FROM (
                SELECT created_at AS first_sold_at FROM head_office_assortment
                WHERE store_id = %(store_id)s AND product_id = t.product_id
                UNION ALL
                SELECT first_sold_at FROM head_office_assortment_tombstone
                WHERE store_id = %(store_id)s AND product_id = t.product_id
            ) sold
        ) known
        WHERE t.changed_at >= known.first_sold_at
        UNION ALL
        SELECT f.id, f.position
        FROM (
            SELECT product_id, changed_at FROM head_office_assortment_tombstone
            WHERE store_id = %(store_id)s AND changed_at >= %(since)s OFFSET 0
        ) ended
        CROSS JOIN LATERAL (
            SELECT id, position FROM head_office_photo
            WHERE product_id = ended.product_id AND created_at <= ended.changed_at OFFSET 0
        ) f
    ) deleted
    WHERE state.newest >= %(since)s
      AND NOT EXISTS (
          SELECT FROM (SELECT product_id FROM head_office_photo WHERE id = deleted.photo_id OFFSET 0) f
          CROSS JOIN LATERAL (
              SELECT FROM head_office_assortment WHERE store_id = %(store_id)s AND product_id = f.product_id OFFSET 0
          ) a
      )
    GROUP BY deleted.photo_id
    HAVING max(deleted.position) > %(offset)s
    ORDER BY 1 LIMIT %(limit)s + 1
)
"""

CHANGED_PRODUCTS = """
(
    {dishes}
    SELECT a.position, true AS is_live, dishes.product_id AS id
    FROM dishes
    CROSS JOIN LATERAL (
        SELECT position, updated_at FROM head_office_assortment
        WHERE store_id = %(store_id)s AND product_id = dishes.product_id AND position > %(offset)s OFFSET 0
    ) a
    CROSS JOIN LATERAL (SELECT updated_at FROM head_office_product WHERE id = dishes.product_id OFFSET 0) p
    WHERE greatest(p.updated_at, a.updated_at) >= %(since)s
    ORDER BY a.position LIMIT %(limit)s + 1
)
UNION ALL
(
    SELECT t.position, false, t.product_id
    FROM head_office_assortment_tombstone t
    WHERE t.store_id = %(store_id)s AND t.changed_at >= %(since)s AND t.position > %(offset)s
      AND NOT EXISTS (SELECT FROM head_office_assortment a WHERE a.store_id = t.store_id AND a.product_id = t.product_id)
    ORDER BY t.position LIMIT %(limit)s + 1
)
"""
