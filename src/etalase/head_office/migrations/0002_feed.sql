-- What keeps the feed true whoever writes, ORM, bulk update or psql (docs/adr/0007).

-- TIME. One function is the clock, so that a test can roll it by replacing it.
CREATE FUNCTION head_office_clock() RETURNS timestamptz LANGUAGE sql VOLATILE AS 'SELECT clock_timestamp()';

-- The last clock reading that a reader was given, in microseconds. A sequence, because it must neither roll back nor wait.
CREATE SEQUENCE head_office_feed_issued MINVALUE 0 START 0;

CREATE FUNCTION head_office_issued() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
    SELECT timestamptz 'epoch' + last_value * interval '1 microsecond' FROM head_office_feed_issued
$$;

-- The time of a change. It is never earlier than the start of its transaction, so that the reader's "oldest open writer" is a
-- bound for it, nor than any horizon given out, so that a clock that was set back hides no change from an edge. The
-- transaction takes its id first: from then on readers see it in pg_stat_activity.
CREATE FUNCTION head_office_stamp() RETURNS timestamptz LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_current_xact_id();
    RETURN greatest(head_office_clock(), transaction_timestamp(), head_office_issued());
END $$;

-- The reader's clock: later than every reading before it. Call it in a statement of its own, outside any transaction.
CREATE FUNCTION head_office_issue_clock() RETURNS timestamptz LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    reading timestamptz;
BEGIN
    PERFORM pg_advisory_xact_lock('head_office_feed_issued'::regclass::bigint);
    reading := greatest(head_office_clock(), head_office_issued() + interval '1 microsecond');
    PERFORM setval('head_office_feed_issued', (extract(epoch FROM reading) * 1000000)::bigint);
    RETURN reading;
END $$;

-- Tombstones are whole from here on: an edge whose checkpoint is older gets the full set.
CREATE TABLE head_office_feed_floor (one boolean PRIMARY KEY DEFAULT true CHECK (one), floor timestamptz NOT NULL);
INSERT INTO head_office_feed_floor (floor) VALUES (clock_timestamp());

-- POSITIONS. A row's place in the feed: taken at insert, never changed.
CREATE SEQUENCE head_office_photo_position;
CREATE SEQUENCE head_office_assortment_position;
CREATE SEQUENCE head_office_store_position;

-- FOREIGN KEYS with ON DELETE CASCADE, which Django does not make.
ALTER TABLE head_office_photo ADD CONSTRAINT head_office_photo_product
    FOREIGN KEY (product_id) REFERENCES head_office_product (id) ON DELETE CASCADE;
ALTER TABLE head_office_assortment ADD CONSTRAINT head_office_assortment_product
    FOREIGN KEY (product_id) REFERENCES head_office_product (id) ON DELETE CASCADE;
ALTER TABLE head_office_assortment ADD CONSTRAINT head_office_assortment_store
    FOREIGN KEY (store_id) REFERENCES head_office_store (id) ON DELETE CASCADE;
ALTER TABLE head_office_assortment_tombstone ADD CONSTRAINT head_office_assortment_tombstone_store
    FOREIGN KEY (store_id) REFERENCES head_office_store (id) ON DELETE CASCADE;

-- STAMPS. The triggers run as their owner: who may write a photo need not be allowed to touch sequences and tombstones.
CREATE FUNCTION head_office_stamp_store() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.position := nextval('head_office_store_position');
        RETURN NEW;
    END IF;
    IF (NEW.id, NEW.company_id) IS DISTINCT FROM (OLD.id, OLD.company_id) THEN
        RAISE EXCEPTION 'a store never changes its id or its company' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    NEW.position := OLD.position;
    RETURN NEW;
END $$;
CREATE TRIGGER head_office_stamp BEFORE INSERT OR UPDATE ON head_office_store
    FOR EACH ROW EXECUTE FUNCTION head_office_stamp_store();

CREATE FUNCTION head_office_stamp_product() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.updated_at := head_office_stamp();
        RETURN NEW;
    END IF;
    IF (NEW.id, NEW.company_id) IS DISTINCT FROM (OLD.id, OLD.company_id) THEN
        RAISE EXCEPTION 'a product never changes its id or its company' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    NEW.updated_at := OLD.updated_at;
    IF NEW IS DISTINCT FROM OLD THEN
        NEW.updated_at := head_office_stamp();
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER head_office_stamp BEFORE INSERT OR UPDATE ON head_office_product
    FOR EACH ROW EXECUTE FUNCTION head_office_stamp_product();

CREATE FUNCTION head_office_stamp_assortment() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF EXISTS (SELECT FROM head_office_store s, head_office_product p
                   WHERE s.id = NEW.store_id AND p.id = NEW.product_id AND s.company_id <> p.company_id) THEN
            RAISE EXCEPTION 'a store sells only products of its own company'
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        NEW.position := nextval('head_office_assortment_position');
        NEW.updated_at := head_office_stamp();
        NEW.created_at := NEW.updated_at;
        RETURN NEW;
    END IF;
    IF (NEW.store_id, NEW.product_id) IS DISTINCT FROM (OLD.store_id, OLD.product_id) THEN
        RAISE EXCEPTION 'a sale never changes its store or product: delete it and insert another'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER head_office_stamp BEFORE INSERT OR UPDATE ON head_office_assortment
    FOR EACH ROW EXECUTE FUNCTION head_office_stamp_assortment();

CREATE FUNCTION head_office_stamp_photo() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
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
CREATE TRIGGER head_office_stamp BEFORE INSERT OR UPDATE ON head_office_photo
    FOR EACH ROW EXECUTE FUNCTION head_office_stamp_photo();

-- TOMBSTONES. Each says what ended by itself; the reader works out for whom. So no deletion needs to know of a row that
-- another transaction is just inserting. The lock on the product makes an insert below it (which holds it by its foreign key)
-- and a deletion come one after the other, so that their stamps tell which was first.
CREATE FUNCTION head_office_bury_photo() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM FROM head_office_product WHERE id = OLD.product_id FOR UPDATE;
    INSERT INTO head_office_photo_tombstone (photo_id, product_id, position, changed_at)
    VALUES (OLD.id, OLD.product_id, OLD.position, head_office_stamp())
    ON CONFLICT (product_id, photo_id) DO UPDATE SET position = EXCLUDED.position, changed_at = EXCLUDED.changed_at;
    RETURN OLD;
END $$;
CREATE TRIGGER head_office_bury BEFORE DELETE ON head_office_photo
    FOR EACH ROW EXECUTE FUNCTION head_office_bury_photo();

CREATE FUNCTION head_office_bury_assortment() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM FROM head_office_product WHERE id = OLD.product_id FOR UPDATE;
    INSERT INTO head_office_assortment_tombstone (store_id, product_id, position, first_sold_at, changed_at)
    SELECT s.id, OLD.product_id, OLD.position, OLD.created_at, head_office_stamp()
    FROM head_office_store s WHERE s.id = OLD.store_id
    ON CONFLICT (store_id, product_id) DO UPDATE SET position = EXCLUDED.position, changed_at = EXCLUDED.changed_at,
        first_sold_at = least(head_office_assortment_tombstone.first_sold_at, EXCLUDED.first_sold_at);
    RETURN OLD;
END $$;
CREATE TRIGGER head_office_bury BEFORE DELETE ON head_office_assortment
    FOR EACH ROW EXECUTE FUNCTION head_office_bury_assortment();

-- TRUNCATE fires no row trigger: what it removed is known to nobody, so every checkpoint from before it gets the full set.
CREATE FUNCTION head_office_raise_floor() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE head_office_feed_floor SET floor = head_office_stamp();
    RETURN NULL;
END $$;
CREATE TRIGGER head_office_raise_floor AFTER TRUNCATE ON head_office_photo
    FOR EACH STATEMENT EXECUTE FUNCTION head_office_raise_floor();
CREATE TRIGGER head_office_raise_floor AFTER TRUNCATE ON head_office_assortment
    FOR EACH STATEMENT EXECUTE FUNCTION head_office_raise_floor();
CREATE TRIGGER head_office_raise_floor AFTER TRUNCATE ON head_office_product
    FOR EACH STATEMENT EXECUTE FUNCTION head_office_raise_floor();
