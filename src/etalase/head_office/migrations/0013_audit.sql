-- The audit is append only, for every writer.
CREATE FUNCTION head_office_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'entries of the audit are never changed or deleted' USING ERRCODE = 'integrity_constraint_violation';
END
$$;
CREATE TRIGGER head_office_audit_is_final BEFORE UPDATE OR DELETE ON head_office_audit
    FOR EACH STATEMENT EXECUTE FUNCTION head_office_refuse_change();
