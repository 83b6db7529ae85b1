-- What stores reported goes with the store.
ALTER TABLE head_office_store_report ADD CONSTRAINT head_office_store_report_store
    FOREIGN KEY (store_id) REFERENCES head_office_store (id) ON DELETE CASCADE;
ALTER TABLE head_office_store_hour ADD CONSTRAINT head_office_store_hour_store
    FOREIGN KEY (store_id) REFERENCES head_office_store (id) ON DELETE CASCADE;
ALTER TABLE head_office_store_fault ADD CONSTRAINT head_office_store_fault_store
    FOREIGN KEY (store_id) REFERENCES head_office_store (id) ON DELETE CASCADE;
