-- A store's orders go with it.
ALTER TABLE head_office_store_order ADD CONSTRAINT head_office_store_order_of
    FOREIGN KEY (store_id) REFERENCES head_office_store (id) ON DELETE CASCADE;
