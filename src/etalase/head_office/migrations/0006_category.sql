-- Until now any change of a product with an older sale or photo counted as a rename of the last 24 hours; these stay counted.
-- Without the trigger: it would stamp the products, and every edge would read their photos again.
ALTER TABLE head_office_product DISABLE TRIGGER head_office_stamp;
UPDATE head_office_product p SET renamed_at = p.updated_at
WHERE p.updated_at > now() - interval '24 hours'
  AND (EXISTS (SELECT FROM head_office_assortment a WHERE a.product_id = p.id AND a.created_at < p.updated_at)
       OR EXISTS (SELECT FROM head_office_photo f WHERE f.product_id = p.id AND f.created_at < p.updated_at));
ALTER TABLE head_office_product ENABLE TRIGGER head_office_stamp;

CREATE OR REPLACE FUNCTION head_office_stamp_product() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.updated_at := head_office_stamp();
        NEW.renamed_at := NULL;
        RETURN NEW;
    END IF;
    IF (NEW.id, NEW.company_id) IS DISTINCT FROM (OLD.id, OLD.company_id) THEN
        RAISE EXCEPTION 'a product never changes its id or its company' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    NEW.updated_at := OLD.updated_at;
    NEW.renamed_at := OLD.renamed_at;
    IF NEW IS DISTINCT FROM OLD THEN
        NEW.updated_at := head_office_stamp();
        IF NEW.name IS DISTINCT FROM OLD.name THEN
            NEW.renamed_at := NEW.updated_at;
        END IF;
    END IF;
    RETURN NEW;
END $$;
-- BACKWARDS
CREATE OR REPLACE FUNCTION head_office_stamp_product() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
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
