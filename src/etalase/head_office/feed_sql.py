"""Builds the statements of the feed: one for each page, so that all of it is of one snapshot (ADR 0034).

``OFFSET 0`` fixes the order in which PostgreSQL reads: prepared statements are planned without the store, and stores differ in
size by a factor of a thousand.
"""

from functools import cache

from etalase.head_office.feed_changes_sql import changed_photos, changed_products


@cache
def photo_statement(*, changes_only: bool, with_renditions: bool, with_digest: bool) -> str:
    """Returns the statement of a page of photos: columns of the whole store, then those of the page, in one row."""
    rows = changed_photos(with_renditions=with_renditions) if changes_only else ALL_PHOTOS
    return PHOTO_PAGE.format(
        state=STATE,
        digest=PHOTO_DIGEST if with_digest else "NULL",
        rendition_digest=RENDITION_DIGEST if with_digest and with_renditions else "NULL",
        renditions=RENDITIONS if with_renditions else "",
        sets=SETS if with_renditions else "",
        rows=rows,
    )


@cache
def product_statement(*, changes_only: bool) -> str:
    """Returns the statement of a page of products, of the same form."""
    return PRODUCT_PAGE.format(state=STATE, rows=changed_products() if changes_only else ALL_PRODUCTS)


# The newest stamps of anything that a page of photos or products is made of, except renditions. Dishes and photos of other
# stores are among them: the largest entry of an index is read at once.
NEWEST_OF_CHAIN = """
greatest(
    (SELECT max(updated_at) FROM head_office_product),
    (SELECT max(updated_at) FROM head_office_photo),
    (SELECT max(changed_at) FROM head_office_photo_tombstone)
)
"""
NEWEST_SALE = """
greatest(
    (SELECT max(updated_at) FROM head_office_assortment WHERE store_id = %(store_id)s),
    (SELECT max(changed_at) FROM head_office_assortment_tombstone WHERE store_id = %(store_id)s)
)
"""

# The kept summary holds if ``newest`` is older.
STATE = f"""
SELECT floor, newest, photos, products, products_changed_at,
       coalesce(kept_floor = floor AND as_of > coalesce(newest, '-infinity'), false) AS is_kept
FROM (
    SELECT f.floor, k.floor AS kept_floor, k.as_of, k.photos, k.products, k.products_changed_at,
        greatest({NEWEST_OF_CHAIN}, {NEWEST_SALE}) AS newest
    FROM head_office_feed_floor f LEFT JOIN head_office_feed_summary k ON k.store_id = %(store_id)s
    OFFSET 0
) stamps
OFFSET 0
"""

TIME = """to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"')"""

PHOTO_COUNT = """
SELECT count(*)
FROM (SELECT product_id FROM head_office_assortment WHERE store_id = %(store_id)s OFFSET 0) a
CROSS JOIN LATERAL (SELECT FROM head_office_photo WHERE product_id = a.product_id OFFSET 0) f
"""
PRODUCTS_CHANGED_AT = """
SELECT greatest(
    (SELECT max(greatest(a.updated_at, p.updated_at))
     FROM (SELECT product_id, updated_at FROM head_office_assortment WHERE store_id = %(store_id)s OFFSET 0) a
     CROSS JOIN LATERAL (SELECT updated_at FROM head_office_product WHERE id = a.product_id OFFSET 0) p),
    (SELECT max(changed_at) FROM head_office_assortment_tombstone WHERE store_id = %(store_id)s)
)
"""

# The JSON of the rows of a page, of which the last may belong to the next page. PostgreSQL writes strings as msgspec does.
_AGGREGATES = """
    string_agg(json, ',' ORDER BY position) FILTER (WHERE number <= %(limit)s),
    count(json) FILTER (WHERE number <= %(limit)s),
    string_agg(to_json(id)::text, ',' ORDER BY position) FILTER (WHERE NOT is_live AND number <= %(limit)s),
    CASE WHEN count(*) > %(limit)s THEN max(position) FILTER (WHERE number <= %(limit)s) END
"""
_SORTED = """
    SELECT *, row_number() OVER (ORDER BY position) AS number FROM ({rows}) rows ORDER BY position LIMIT %(limit)s + 1
"""

PHOTO_PAGE = f"""
SELECT state.floor, is_kept, total, products_changed_at, digest, rendition_digest, page.*
FROM (
    SELECT {TIME.format("floor")} AS floor, newest, is_kept,
        CASE WHEN is_kept THEN photos ELSE ({PHOTO_COUNT}) END AS total,
        {TIME.format(f"CASE WHEN is_kept THEN products_changed_at ELSE ({PRODUCTS_CHANGED_AT}) END")} AS products_changed_at,
        ({{digest}}) AS digest, ({{rendition_digest}}) AS rendition_digest
    FROM ({{state}}) kept
    OFFSET 0
) state
CROSS JOIN LATERAL (
    SELECT {_AGGREGATES}
    FROM ({_SORTED}) sorted
    LEFT JOIN LATERAL (
        SELECT concat(
            '{{{{"id":"', f.id, '","product_id":"', f.product_id, '","product_sku":', to_json(p.sku),
            ',"product_name":', to_json(p.name), ',"object_key":', to_json(f.object_key), ',"filename":', to_json(f.filename),
            ',"size":', f.size, ',"content_type":', to_json(f.content_type), ',"checksum":"', f.checksum,
            '","version":', f.version, ',"is_primary":', to_json(f.is_primary), ',"sort_order":', f.sort_order,
            ',"updated_at":"', {TIME.format("f.updated_at")}, '","image_url":"', %(base)s::text,
            CASE WHEN f.object_key ~ '^[A-Za-z0-9_.~/-]*$' THEN f.object_key ELSE head_office_quoted(f.object_key) END,
            '?v=', left(f.checksum, 8), '"',
            {{renditions}} '}}}}') AS json
        FROM (SELECT (sorted.photo).*) f
        CROSS JOIN LATERAL (SELECT sku, name FROM head_office_product WHERE id = f.product_id OFFSET 0) p
        {{sets}}
        OFFSET 0
    ) listed ON true
) page
"""

# ``listed`` has chr(1) in the place of the bucket's address.
RENDITIONS = """
            ',"renditions":[', replace(s.listed, chr(1), %(base)s::text),
            '],"focal_point":{"x":', CASE WHEN f.focal_x IS NULL THEN '0.5,"y":0.5' ELSE
                concat(head_office_coordinate(f.focal_x), ',"y":', head_office_coordinate(f.focal_y)) END,
            '},"thumbhash":', coalesce(to_json(nullif(s.thumbhash, ''))::text, 'null'),
"""
# A set of other bytes than the photo's is not listed.
SETS = """
        LEFT JOIN LATERAL (
            SELECT thumbhash, listed FROM head_office_rendition_set WHERE photo_id = f.id AND photo_checksum = f.checksum
            OFFSET 0
        ) s ON true
"""

# First the photos of the chain behind the offset, as many as the store has: a store that sells much of the menu has a page full
# of them soon, on any page. Otherwise the page is found dish by dish, which costs as much as the store has photos.
ALL_PHOTOS = """
(
    WITH near AS MATERIALIZED (
        SELECT photo
        FROM (
            SELECT photo FROM head_office_photo photo
            WHERE state.total > %(limit)s AND position > %(offset)s AND position <= %(offset)s + state.total
            ORDER BY position OFFSET 0
        ) f
        CROSS JOIN LATERAL (
            SELECT FROM head_office_assortment WHERE store_id = %(store_id)s AND product_id = (photo).product_id OFFSET 0
        ) a
        LIMIT %(limit)s + 1
    ),
    whole AS MATERIALIZED (
        SELECT state.total > %(limit)s AND (
            count(*) > %(limit)s OR (SELECT max(position) FROM head_office_photo) <= %(offset)s + state.total
        ) AS is_whole
        FROM near
    )
    SELECT (photo).position, true AS is_live, (photo).id, photo FROM near WHERE (SELECT is_whole FROM whole)
    UNION ALL
    SELECT f.position, true, f.id, photo
    FROM (
        SELECT f.position, f.id
        FROM (SELECT product_id FROM head_office_assortment WHERE store_id = %(store_id)s OFFSET 0) a
        CROSS JOIN LATERAL (
            SELECT position, id FROM head_office_photo WHERE product_id = a.product_id AND position > %(offset)s OFFSET 0
        ) f
        WHERE NOT (SELECT is_whole FROM whole)
        ORDER BY f.position LIMIT %(limit)s + 1
    ) f
    CROSS JOIN LATERAL (SELECT photo FROM head_office_photo photo WHERE id = f.id OFFSET 0) p
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
SELECT state.floor, total, page.*
FROM (
    SELECT {TIME.format("floor")} AS floor, newest, CASE WHEN is_kept THEN products ELSE ({PRODUCT_COUNT}) END AS total
    FROM ({{state}}) kept
    OFFSET 0
) state
CROSS JOIN LATERAL (
    SELECT {_AGGREGATES}
    FROM ({_SORTED}) sorted
    LEFT JOIN LATERAL (
        SELECT concat(
            '{{{{"id":"', id, '","sku":', to_json(sku), ',"name":', to_json(name), ',"category":', to_json(category),
            ',"updated_at":"', {TIME.format("updated_at")}, '"}}}}') AS json
        FROM head_office_product WHERE id = sorted.id
        OFFSET 0
    ) listed ON sorted.is_live
) page
"""

ALL_PRODUCTS = """
SELECT position, true AS is_live, product_id AS id FROM head_office_assortment
WHERE store_id = %(store_id)s AND position > %(offset)s
ORDER BY position LIMIT %(limit)s + 1
"""

# Any snapshot after ``as_of`` will do, but one with a newer stamp is of no use, as while a long transaction is open. An older
# summary never replaces a newer one. A summary that a power cut loses is counted again, so that no request waits for the disk.
KEEP_SUMMARY = f"""
INSERT INTO head_office_feed_summary AS kept (store_id, as_of, floor, photos, products, products_changed_at)
SELECT %(store_id)s, %(as_of)s::timestamptz, floor, ({PHOTO_COUNT}), ({PRODUCT_COUNT}), ({PRODUCTS_CHANGED_AT})
FROM ({STATE}) state, set_config('synchronous_commit', 'off', true)
WHERE coalesce(newest < %(as_of)s::timestamptz, true)
ON CONFLICT (store_id) DO UPDATE SET as_of = EXCLUDED.as_of, floor = EXCLUDED.floor, photos = EXCLUDED.photos,
    products = EXCLUDED.products, products_changed_at = EXCLUDED.products_changed_at
WHERE kept.as_of < EXCLUDED.as_of
"""
