"""Builds the statements of the feed: one for each page, so that all of it is of one snapshot (ADR 0034).

``OFFSET 0`` fixes the order in which PostgreSQL reads: prepared statements are planned without the store, and stores differ in
size by a factor of a thousand.
"""

from functools import cache

# A store with more photos is read in the order of the chain's photos, a smaller one dish by dish.
BIG_STORE_PHOTOS = 5000


@cache
def photo_statement(*, changes_only: bool, with_renditions: bool, with_digest: bool) -> str:
    """Returns the statement of a page of photos: columns of the whole store, then those of a row, which may be null."""
    times = ["p.updated_at", "a.updated_at", "f.updated_at", *(["s.changed_at"] if with_renditions else [])]
    sets = "LEFT JOIN head_office_rendition_set s ON s.photo_id = f.id" if with_renditions else ""
    newest = f"greatest(state.newest, ({NEWEST_RENDITIONS}))" if with_renditions else "state.newest"
    rows = CHANGED_PHOTOS.format(times=", ".join(times), sets=sets, newest=newest) if changes_only else ALL_PHOTOS
    return PHOTO_PAGE.format(
        state=STATE,
        digest=PHOTO_DIGEST if with_digest else "NULL",
        rendition_digest=RENDITION_DIGEST if with_digest and with_renditions else "NULL",
        renditions=RENDITIONS if with_renditions else "",
        rows=rows,
    )


@cache
def product_statement(*, changes_only: bool) -> str:
    """Returns the statement of a page of products, of the same form."""
    return PRODUCT_PAGE.format(state=STATE, rows=CHANGED_PRODUCTS if changes_only else ALL_PRODUCTS)


# ``newest`` is the newest stamp of anything that a page of photos or products is made of, except renditions. Dishes and photos
# of other stores are among it: the largest entry of an index is read at once. The kept summary holds if ``newest`` is older.
STATE = """
SELECT floor, newest, photos, products, products_changed_at,
       coalesce(kept_floor = floor AND as_of > coalesce(newest, '-infinity'), false) AS is_kept
FROM (
    SELECT f.floor, k.floor AS kept_floor, k.as_of, k.photos, k.products, k.products_changed_at,
        greatest(
            (SELECT max(updated_at) FROM head_office_product),
            (SELECT max(updated_at) FROM head_office_photo),
            (SELECT max(changed_at) FROM head_office_photo_tombstone),
            (SELECT max(updated_at) FROM head_office_assortment WHERE store_id = %(store_id)s),
            (SELECT max(changed_at) FROM head_office_assortment_tombstone WHERE store_id = %(store_id)s)
        ) AS newest
    FROM head_office_feed_floor f LEFT JOIN head_office_feed_summary k ON k.store_id = %(store_id)s
    OFFSET 0
) stamps
OFFSET 0
"""

NEWEST_RENDITIONS = "SELECT max(changed_at) FROM head_office_rendition_set"

TIME = """to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"')"""

PHOTO_COUNT = """
SELECT count(*) FROM head_office_assortment a JOIN head_office_photo f USING (product_id) WHERE a.store_id = %(store_id)s
"""
PRODUCTS_CHANGED_AT = """
SELECT greatest(
    (SELECT max(greatest(a.updated_at, p.updated_at))
     FROM head_office_assortment a JOIN head_office_product p ON p.id = a.product_id WHERE a.store_id = %(store_id)s),
    (SELECT max(changed_at) FROM head_office_assortment_tombstone WHERE store_id = %(store_id)s)
)
"""

PHOTO_PAGE = f"""
SELECT state.floor, is_kept, total, products_changed_at, digest, rendition_digest,
    page.position, page.is_live, page.id::text, listed.*
FROM (
    SELECT {TIME.format("floor")} AS floor, newest, is_kept,
        CASE WHEN is_kept THEN photos ELSE ({PHOTO_COUNT}) END AS total,
        {TIME.format(f"CASE WHEN is_kept THEN products_changed_at ELSE ({PRODUCTS_CHANGED_AT}) END")} AS products_changed_at,
        ({{digest}}) AS digest, ({{rendition_digest}}) AS rendition_digest
    FROM ({{state}}) kept
    OFFSET 0
) state
LEFT JOIN LATERAL (
    SELECT position, is_live, id FROM ({{rows}}) sorted ORDER BY position LIMIT %(limit)s
) page ON true
LEFT JOIN LATERAL (
    SELECT row_to_json(photo)::text, f.object_key, f.checksum {{renditions}}
    FROM head_office_photo f JOIN head_office_product p ON p.id = f.product_id
    CROSS JOIN LATERAL (
        SELECT f.id, f.product_id, p.sku AS product_sku, p.name AS product_name, f.object_key, f.filename, f.size,
            f.content_type, f.checksum, f.version, f.is_primary, f.sort_order, {TIME.format("f.updated_at")} AS updated_at
    ) photo
    WHERE f.id = page.id
    OFFSET 0
) listed ON page.is_live
ORDER BY page.position
"""

# A set of other bytes than the photo's is not listed.
RENDITIONS = """,
        f.focal_x, f.focal_y,
        (SELECT ARRAY[s.thumbhash, s.listed] FROM head_office_rendition_set s
         WHERE s.photo_id = f.id AND s.photo_checksum = f.checksum)
"""

ALL_PHOTOS = f"""
(
    SELECT f.position, true AS is_live, f.id
    FROM (SELECT product_id FROM head_office_assortment WHERE store_id = %(store_id)s OFFSET 0) a
    CROSS JOIN LATERAL (
        SELECT position, id FROM head_office_photo WHERE product_id = a.product_id AND position > %(offset)s OFFSET 0
    ) f
    WHERE state.total <= {BIG_STORE_PHOTOS}
    ORDER BY f.position LIMIT %(limit)s
)
UNION ALL
(
    SELECT f.position, true, f.id
    FROM (SELECT position, id, product_id FROM head_office_photo WHERE position > %(offset)s ORDER BY position OFFSET 0) f
    CROSS JOIN LATERAL (
        SELECT FROM head_office_assortment WHERE store_id = %(store_id)s AND product_id = f.product_id OFFSET 0
    ) a
    WHERE state.total > {BIG_STORE_PHOTOS}
    ORDER BY f.position LIMIT %(limit)s
)
"""

# A photo is deleted for a store that sold its product before the deletion, or that stopped selling the product after the
# photo was made, unless the store has the photo again.
CHANGED_PHOTOS = """
(
    SELECT f.position, true AS is_live, f.id
    FROM head_office_assortment a
    JOIN head_office_product p ON p.id = a.product_id
    JOIN head_office_photo f ON f.product_id = p.id
    {sets}
    WHERE {newest} >= %(since)s
      AND a.store_id = %(store_id)s AND f.position > %(offset)s AND greatest({times}) >= %(since)s
    ORDER BY f.position LIMIT %(limit)s
)
UNION ALL
(
    WITH known AS (
        SELECT product_id, min(first_sold_at) AS first_sold_at, max(ended_at) AS ended_at
        FROM (
            SELECT product_id, created_at AS first_sold_at, NULL::timestamptz AS ended_at
            FROM head_office_assortment WHERE store_id = %(store_id)s
            UNION ALL
            SELECT product_id, first_sold_at, changed_at
            FROM head_office_assortment_tombstone WHERE store_id = %(store_id)s
        ) sold
        GROUP BY product_id
    )
    SELECT max(deleted.position), false, deleted.photo_id
    FROM (
        SELECT t.photo_id, t.position
        FROM head_office_photo_tombstone t JOIN known k USING (product_id)
        WHERE t.changed_at >= %(since)s AND t.changed_at >= k.first_sold_at
        UNION ALL
        SELECT f.id, f.position
        FROM known k JOIN head_office_photo f USING (product_id)
        WHERE k.ended_at >= %(since)s AND f.created_at <= k.ended_at
    ) deleted
    WHERE state.newest >= %(since)s
      AND NOT EXISTS (
          SELECT FROM head_office_photo f JOIN head_office_assortment a USING (product_id)
          WHERE f.id = deleted.photo_id AND a.store_id = %(store_id)s
      )
    GROUP BY deleted.photo_id
    HAVING max(deleted.position) > %(offset)s
    ORDER BY 1 LIMIT %(limit)s
)
"""

# The same digest as etalase.photo_digest.photos_digest. No column is null here, and no checksum has capital letters.
# OFFSET 0 keeps the planner from reading the photos of the whole chain: 7 ms instead of 22 for 2,000 of 100,000.
PHOTO_DIGEST = r"""
SELECT md5(coalesce(string_agg(md5(convert_to(
    f.id || '|' || f.product_id
    || '|' || replace(replace(f.object_key, '\', '\\'), '|', '\|')
    || '|' || replace(replace(f.filename, '\', '\\'), '|', '\|')
    || '|' || f.size
    || '|' || replace(replace(f.content_type, '\', '\\'), '|', '\|')
    || '|' || f.checksum || '|' || f.version || '|' || f.is_primary || '|' || f.sort_order,
    'UTF8')), '' ORDER BY f.id), ''))
FROM head_office_assortment a
CROSS JOIN LATERAL (SELECT * FROM head_office_photo WHERE product_id = a.product_id OFFSET 0) f
WHERE a.store_id = %(store_id)s
"""

# The same digest as etalase.renditions.renditions_digest; a trigger keeps the MD5 of each photo's line (migration 0007).
RENDITION_DIGEST = """
SELECT md5(coalesce(string_agg(f.line_digest, '' ORDER BY f.id), ''))
FROM head_office_assortment a
CROSS JOIN LATERAL (
    SELECT p.id, s.line_digest
    FROM head_office_photo p
    JOIN head_office_rendition_set s ON s.photo_id = p.id AND s.photo_checksum = p.checksum
    WHERE p.product_id = a.product_id OFFSET 0
) f
WHERE a.store_id = %(store_id)s
"""

PRODUCT_COUNT = "SELECT count(*) FROM head_office_assortment WHERE store_id = %(store_id)s"

PRODUCT_PAGE = f"""
SELECT state.floor, total, page.position, page.is_live, page.id::text, row_to_json(listed)::text
FROM (
    SELECT {TIME.format("floor")} AS floor, newest, CASE WHEN is_kept THEN products ELSE ({PRODUCT_COUNT}) END AS total
    FROM ({{state}}) kept
    OFFSET 0
) state
LEFT JOIN LATERAL (
    SELECT position, is_live, id FROM ({{rows}}) sorted ORDER BY position LIMIT %(limit)s
) page ON true
LEFT JOIN LATERAL (
    SELECT id, sku, name, category, {TIME.format("updated_at")} AS updated_at FROM head_office_product WHERE id = page.id
    OFFSET 0
) listed ON page.is_live
ORDER BY page.position
"""

ALL_PRODUCTS = """
SELECT position, true AS is_live, product_id AS id FROM head_office_assortment
WHERE store_id = %(store_id)s AND position > %(offset)s
ORDER BY position LIMIT %(limit)s
"""

CHANGED_PRODUCTS = """
(
    SELECT a.position, true AS is_live, p.id
    FROM head_office_assortment a
    JOIN head_office_product p ON p.id = a.product_id
    WHERE state.newest >= %(since)s
      AND a.store_id = %(store_id)s AND a.position > %(offset)s AND greatest(p.updated_at, a.updated_at) >= %(since)s
    ORDER BY a.position LIMIT %(limit)s
)
UNION ALL
(
    SELECT t.position, false, t.product_id
    FROM head_office_assortment_tombstone t
    WHERE t.store_id = %(store_id)s AND t.changed_at >= %(since)s AND t.position > %(offset)s
      AND NOT EXISTS (SELECT FROM head_office_assortment a WHERE a.store_id = t.store_id AND a.product_id = t.product_id)
    ORDER BY t.position LIMIT %(limit)s
)
"""

# Any snapshot after ``as_of`` will do, but one with a newer stamp is of no use, as while a long transaction is open. An older
# summary never replaces a newer one. One that a power cut loses is counted again: nobody waits for the disk.
KEEP_SUMMARY = f"""
INSERT INTO head_office_feed_summary AS kept (store_id, as_of, floor, photos, products, products_changed_at)
SELECT %(store_id)s, %(as_of)s::timestamptz, floor, ({PHOTO_COUNT}), ({PRODUCT_COUNT}), ({PRODUCTS_CHANGED_AT})
FROM ({STATE}) state, set_config('synchronous_commit', 'off', true)
WHERE coalesce(newest < %(as_of)s::timestamptz, true)
ON CONFLICT (store_id) DO UPDATE SET as_of = EXCLUDED.as_of, floor = EXCLUDED.floor, photos = EXCLUDED.photos,
    products = EXCLUDED.products, products_changed_at = EXCLUDED.products_changed_at
WHERE kept.as_of < EXCLUDED.as_of
"""
