-- What makes a request of the feed cheap (docs/adr/0034).

ALTER TABLE head_office_feed_summary ADD CONSTRAINT head_office_feed_summary_store
    FOREIGN KEY (store_id) REFERENCES head_office_store (id) ON DELETE CASCADE;

-- The renditions of a set in the JSON of the feed, by width: a page reads one row a photo, not one for each rendition. No column
-- has a character that JSON escapes. The bucket's address is not in the database: chr(1) stands for it, which is in no JSON.
CREATE FUNCTION head_office_listed_renditions(of_photo uuid) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT coalesce(string_agg(concat(
        '{"width":', width, ',"height":', height, ',"object_key":"', key, '","size":', size, ',"checksum":"', checksum,
        '","content_type":"', content_type, '","image_url":"', chr(1), key, '?v=', left(checksum, 8), '"}'
    ), ',' ORDER BY width), '')
    FROM (
        SELECT *, 'renditions/' || photo_id || '/' || checksum || '-' || width
            || CASE content_type WHEN 'image/webp' THEN '.webp' ELSE '.jpg' END AS key
        FROM head_office_rendition WHERE photo_id = of_photo
    ) named
$$;
-- A coordinate of the focal point in JSON, as Python writes it.
CREATE FUNCTION head_office_coordinate(coordinate float8) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN coordinate IN (0, 1) THEN coordinate || '.0' ELSE coordinate::text END
$$;
-- An object key in an address (RFC 3986, section 2.1), for keys with other characters than head office gives them.
CREATE FUNCTION head_office_quoted(object_key text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(string_agg(
        CASE WHEN letter ~ '[A-Za-z0-9_.~/-]' THEN letter
             ELSE regexp_replace(upper(encode(convert_to(letter, 'UTF8'), 'hex')), '(..)', '%\1', 'g') END,
        '' ORDER BY place), '')
    FROM unnest(regexp_split_to_array(object_key, '')) WITH ORDINALITY AS letters (letter, place)
$$;
CREATE OR REPLACE FUNCTION head_office_stamp_rendition_set() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.revision := 0;
        NEW.line_digest := '';
        NEW.listed := '';
        NEW.changed_at := CASE WHEN NEW.photo_checksum <> '' THEN head_office_stamp() END;
        RETURN NEW;
    END IF;
    IF NEW.photo_id IS DISTINCT FROM OLD.photo_id THEN
        RAISE EXCEPTION 'a set of renditions never changes its photo' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    NEW.changed_at := OLD.changed_at;
    NEW.line_digest := OLD.line_digest;
    NEW.listed := OLD.listed;
    IF (NEW.photo_checksum, NEW.thumbhash, NEW.revision) IS DISTINCT FROM (OLD.photo_checksum, OLD.thumbhash, OLD.revision) THEN
        NEW.changed_at := head_office_stamp();
        NEW.line_digest := head_office_rendition_line(NEW);
        NEW.listed := head_office_listed_renditions(NEW.photo_id);
    END IF;
    RETURN NEW;
END $$;
-- Without the trigger, which would leave the column as it is.
ALTER TABLE head_office_rendition_set DISABLE TRIGGER head_office_stamp;
UPDATE head_office_rendition_set SET listed = head_office_listed_renditions(photo_id) WHERE photo_checksum <> '';
ALTER TABLE head_office_rendition_set ENABLE TRIGGER head_office_stamp;

-- Two of the new indexes begin with the column of one of these.
DROP INDEX head_office_photo_product_id_45711cb7;
DROP INDEX head_office_assortment_store_id_18ada7b2;

-- READINGS without a write to the disk. Each reading waited for its commit to reach the disk, one after the other: 200 requests a
-- second where that takes 5 ms. The last reading is no longer logged, so that a crash forgets it (to 0); then the bound stands in
-- for it, which is logged: no reading is later. It is raised half a minute before it is reached, and in that time its commit
-- has long been on the disk. PostgreSQL has unlogged sequences from version 15 on; before, only the speed is missing.
CREATE SEQUENCE head_office_feed_bound MINVALUE 0 START 0;
SELECT setval('head_office_feed_bound', last_value) FROM head_office_feed_issued;
-- What an unlogged sequence has when it becomes one is what it has again after a crash.
SELECT setval('head_office_feed_issued', 0);
DO $$ BEGIN
    IF current_setting('server_version_num')::int >= 150000 THEN
        ALTER SEQUENCE head_office_feed_issued SET UNLOGGED;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION head_office_issued() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
    SELECT timestamptz 'epoch' + (CASE i.last_value WHEN 0 THEN b.last_value ELSE i.last_value END) * interval '1 microsecond'
    FROM head_office_feed_issued i, head_office_feed_bound b
$$;

CREATE OR REPLACE FUNCTION head_office_issue_clock() RETURNS timestamptz LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    reading timestamptz;
    number bigint;
BEGIN
    PERFORM pg_advisory_xact_lock('head_office_feed_issued'::regclass::bigint);
    reading := greatest(head_office_clock(), head_office_issued() + interval '1 microsecond');
    number := (extract(epoch FROM reading) * 1000000)::bigint;
    IF number > (SELECT last_value FROM head_office_feed_bound) - 30000000 THEN
        -- Not waited for: all other readers would wait, too, since the lock ends with the transaction.
        PERFORM set_config('synchronous_commit', 'off', true);
        PERFORM setval('head_office_feed_bound', number + 60000000);
    END IF;
    PERFORM setval('head_office_feed_issued', number);
    RETURN reading;
END $$;

-- The horizon's parts, in this order: the clock, then the writers that are still open. Call it in a statement of its own,
-- outside any transaction, before the snapshot of the data is taken.
CREATE FUNCTION head_office_horizon(OUT clock timestamptz, OUT oldest_writer timestamptz, OUT unknown boolean)
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    clock := head_office_issue_clock();
    SELECT min(xact_start) INTO oldest_writer
    FROM pg_stat_activity
    WHERE datid = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND backend_xid IS NOT NULL AND pid <> pg_backend_pid() AND backend_type <> 'autovacuum worker';
    unknown := EXISTS (SELECT FROM pg_prepared_xacts WHERE database = current_database());
END $$;
-- BACKWARDS
CREATE OR REPLACE FUNCTION head_office_stamp_rendition_set() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.revision := 0;
        NEW.line_digest := '';
        NEW.changed_at := CASE WHEN NEW.photo_checksum <> '' THEN head_office_stamp() END;
        RETURN NEW;
    END IF;
    IF NEW.photo_id IS DISTINCT FROM OLD.photo_id THEN
        RAISE EXCEPTION 'a set of renditions never changes its photo' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    NEW.changed_at := OLD.changed_at;
    NEW.line_digest := OLD.line_digest;
    IF (NEW.photo_checksum, NEW.thumbhash, NEW.revision) IS DISTINCT FROM (OLD.photo_checksum, OLD.thumbhash, OLD.revision) THEN
        NEW.changed_at := head_office_stamp();
        NEW.line_digest := head_office_rendition_line(NEW);
    END IF;
    RETURN NEW;
END $$;
DROP FUNCTION head_office_listed_renditions;
DROP FUNCTION head_office_coordinate;
DROP FUNCTION head_office_quoted;
CREATE INDEX head_office_photo_product_id_45711cb7 ON head_office_photo (product_id);
CREATE INDEX head_office_assortment_store_id_18ada7b2 ON head_office_assortment (store_id);
DROP FUNCTION head_office_horizon;
CREATE OR REPLACE FUNCTION head_office_issue_clock() RETURNS timestamptz LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    reading timestamptz;
BEGIN
    PERFORM pg_advisory_xact_lock('head_office_feed_issued'::regclass::bigint);
    reading := greatest(head_office_clock(), head_office_issued() + interval '1 microsecond');
    PERFORM setval('head_office_feed_issued', (extract(epoch FROM reading) * 1000000)::bigint);
    RETURN reading;
END $$;
CREATE OR REPLACE FUNCTION head_office_issued() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
    SELECT timestamptz 'epoch' + last_value * interval '1 microsecond' FROM head_office_feed_issued
$$;
DO $$ BEGIN
    IF current_setting('server_version_num')::int >= 150000 THEN
        ALTER SEQUENCE head_office_feed_issued SET LOGGED;
    END IF;
END $$;
DROP SEQUENCE head_office_feed_bound;
ALTER TABLE head_office_feed_summary DROP CONSTRAINT head_office_feed_summary_store;
