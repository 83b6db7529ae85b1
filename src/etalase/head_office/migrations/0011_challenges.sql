-- A store's challenges go with it.
ALTER TABLE head_office_challenge ADD CONSTRAINT head_office_challenge_store
    FOREIGN KEY (store_id) REFERENCES head_office_store (id) ON DELETE CASCADE;
