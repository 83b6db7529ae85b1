-- What keeps the renditions of the feed true whoever writes (ADR 0030).

ALTER TABLE head_office_rendition_set ADD CONSTRAINT head_office_rendition_set_photo
    FOREIGN KEY (photo_id) REFERENCES head_office_photo (id) ON DELETE CASCADE;
ALTER TABLE head_office_rendition ADD CONSTRAINT head_office_rendition_of_set
    FOREIGN KEY (photo_id) REFERENCES head_office_rendition_set (photo_id) ON DELETE CASCADE;

-- A photo's stamp is the guide's answer: columns that are not in it, such as the focal point, are no change of it.
CREATE OR REPLACE FUNCTION head_office_stamp_photo() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.position := nextval('head_office_photo_position');
        NEW.updated_at := head_office_stamp();
        NEW.created_at := NEW.updated_at;
        RETURN NEW;
    END IF;
    IF (NEW.id, NEW.product_id) IS DISTINCT FROM (OLD.id, OLD.product_id) THEN
        RAISE EXCEPTION 'a photo never changes its id or its product' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    NEW.position := OLD.position;
    NEW.created_at := OLD.created_at;
    NEW.updated_at := OLD.updated_at;
    IF (NEW.object_key, NEW.filename, NEW.source, NEW.size, NEW.content_type, NEW.checksum, NEW.version, NEW.is_primary, NEW.sort_order)
       IS DISTINCT FROM
       (OLD.object_key, OLD.filename, OLD.source, OLD.size, OLD.content_type, OLD.checksum, OLD.version, OLD.is_primary, OLD.sort_order)
    THEN
        NEW.updated_at := head_office_stamp();
    END IF;
    RETURN NEW;
END $$;

-- QUEUE. Other bytes or another focal point make the photo's set due. A set that is there stays until the next one.
CREATE FUNCTION head_office_make_renditions_due() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' OR (NEW.checksum, NEW.focal_x, NEW.focal_y) IS DISTINCT FROM (OLD.checksum, OLD.focal_x, OLD.focal_y) THEN
        INSERT INTO head_office_rendition_set (photo_id, due_at) VALUES (NEW.id, head_office_clock())
        ON CONFLICT (photo_id) DO UPDATE SET due_at = EXCLUDED.due_at, problem = '';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER head_office_make_renditions_due AFTER INSERT OR UPDATE ON head_office_photo
    FOR EACH ROW EXECUTE FUNCTION head_office_make_renditions_due();

-- The MD5 of the photo's line of the digest (API reference, "Renditions"); no text where there are no renditions.
CREATE FUNCTION head_office_rendition_line(made head_office_rendition_set) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT coalesce(md5(convert_to(
        made.photo_id || '|' || made.photo_checksum || '|' || made.thumbhash || '|' || string_agg(key, '|' ORDER BY key COLLATE "C"),
        'UTF8')), '')
    FROM (
        SELECT 'renditions/' || photo_id || '/' || checksum || '-' || width
               || CASE content_type WHEN 'image/webp' THEN '.webp' ELSE '.jpg' END AS key
        FROM head_office_rendition WHERE photo_id = made.photo_id
    ) named
$$;

-- STAMPS, by the recipe of migration 0002. A set that was never made has none.
CREATE FUNCTION head_office_stamp_rendition_set() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
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
CREATE TRIGGER head_office_stamp BEFORE INSERT OR UPDATE ON head_office_rendition_set
    FOR EACH ROW EXECUTE FUNCTION head_office_stamp_rendition_set();

CREATE FUNCTION head_office_count_rendition_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE head_office_rendition_set SET revision = revision + 1 WHERE photo_id IN (SELECT photo_id FROM changed);
    RETURN NULL;
END $$;
CREATE TRIGGER head_office_count_insert AFTER INSERT ON head_office_rendition
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION head_office_count_rendition_change();
CREATE TRIGGER head_office_count_delete AFTER DELETE ON head_office_rendition
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION head_office_count_rendition_change();

CREATE FUNCTION head_office_keep_rendition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a rendition never changes: delete it and insert another' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER head_office_keep BEFORE UPDATE ON head_office_rendition
    FOR EACH ROW EXECUTE FUNCTION head_office_keep_rendition();

CREATE TRIGGER head_office_raise_floor AFTER TRUNCATE ON head_office_rendition_set
    FOR EACH STATEMENT EXECUTE FUNCTION head_office_raise_floor();
CREATE TRIGGER head_office_raise_floor AFTER TRUNCATE ON head_office_rendition
    FOR EACH STATEMENT EXECUTE FUNCTION head_office_raise_floor();

-- The photos that are here already: the newest time is made first, and so the primary ones.
INSERT INTO head_office_rendition_set (photo_id, due_at)
SELECT id, head_office_clock() - CASE WHEN is_primary THEN interval '0' ELSE interval '1 minute' END FROM head_office_photo;
-- BACKWARDS
DROP TRIGGER head_office_make_renditions_due ON head_office_photo;
DROP TRIGGER head_office_stamp ON head_office_rendition_set;
DROP TRIGGER head_office_count_insert ON head_office_rendition;
DROP TRIGGER head_office_count_delete ON head_office_rendition;
DROP TRIGGER head_office_keep ON head_office_rendition;
DROP TRIGGER head_office_raise_floor ON head_office_rendition;
DROP TRIGGER head_office_raise_floor ON head_office_rendition_set;
DROP FUNCTION head_office_rendition_line, head_office_make_renditions_due, head_office_stamp_rendition_set, head_office_count_rendition_change, head_office_keep_rendition;
ALTER TABLE head_office_rendition DROP CONSTRAINT head_office_rendition_of_set;
ALTER TABLE head_office_rendition_set DROP CONSTRAINT head_office_rendition_set_photo;
CREATE OR REPLACE FUNCTION head_office_stamp_photo() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.position := nextval('head_office_photo_position');
        NEW.updated_at := head_office_stamp();
        NEW.created_at := NEW.updated_at;
        RETURN NEW;
    END IF;
    IF (NEW.id, NEW.product_id) IS DISTINCT FROM (OLD.id, OLD.product_id) THEN
        RAISE EXCEPTION 'a photo never changes its id or its product' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    NEW.position := OLD.position;
    NEW.created_at := OLD.created_at;
    NEW.updated_at := OLD.updated_at;
    IF NEW IS DISTINCT FROM OLD THEN
        NEW.updated_at := head_office_stamp();
    END IF;
    RETURN NEW;
END $$;
