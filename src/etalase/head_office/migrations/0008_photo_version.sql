-- The end of a photo's version, and of its object, whoever writes: ORM, bulk update or psql (docs/adr/0031).

-- A photo from before this migration has no row of its version: it is its own upload, by recipe 0. Its object stays for a day,
-- so that an edge in the middle of a run still gets it.
CREATE FUNCTION head_office_end_version() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    ended timestamptz := clock_timestamp();
BEGIN
    IF TG_OP = 'DELETE' OR (NEW.version, NEW.checksum) IS DISTINCT FROM (OLD.version, OLD.checksum) THEN
        INSERT INTO head_office_photo_version AS kept (photo_id, product_id, version, object_key, filename, source, size,
            content_type, checksum, upload_size, upload_checksum, recipe, begins_at, ends_at)
        VALUES (OLD.id, OLD.product_id, OLD.version, OLD.object_key, OLD.filename, OLD.source, OLD.size,
            OLD.content_type, OLD.checksum, OLD.size, OLD.checksum, '0', OLD.updated_at, ended)
        ON CONFLICT (photo_id, version) DO UPDATE SET ends_at = EXCLUDED.ends_at WHERE kept.checksum = EXCLUDED.checksum;
    END IF;
    IF TG_OP = 'DELETE' OR NEW.object_key <> OLD.object_key THEN
        INSERT INTO head_office_obsolete_object (key, due_at) VALUES (OLD.object_key, ended + interval '24 hours')
        ON CONFLICT (key) DO UPDATE SET due_at = EXCLUDED.due_at;
    END IF;
    RETURN NULL;
END $$;

-- A rendition that is made anew with the same bytes has its key again: the object then stays (head_office/collecting.py).
CREATE FUNCTION head_office_retire_rendition() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO head_office_obsolete_object (key, due_at)
    SELECT format('renditions/%s/%s-%s.%s', photo_id, checksum, width, CASE content_type WHEN 'image/webp' THEN 'webp' ELSE 'jpg' END),
        clock_timestamp() + interval '24 hours'
    FROM removed
    ON CONFLICT (key) DO UPDATE SET due_at = EXCLUDED.due_at;
    RETURN NULL;
END $$;
CREATE TRIGGER head_office_retire_rendition AFTER DELETE ON head_office_rendition
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION head_office_retire_rendition();

CREATE TRIGGER head_office_end_version AFTER UPDATE OR DELETE ON head_office_photo
    FOR EACH ROW EXECUTE FUNCTION head_office_end_version();
