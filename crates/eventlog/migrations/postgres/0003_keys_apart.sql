-- Wrapped keys stand in a schema of their own from now on, made before this is run: its name is the log's and `_keys`.
-- Where it holds keys already, the log was put back beside them. The view is for processes of the version before, until
-- they are restarted.

DO $$
DECLARE
    log  text := current_schema();
    keys text := current_schema() || '_keys';
BEGIN
    IF to_regclass(format('%I.secrets', keys)) IS NULL THEN
        EXECUTE format('ALTER TABLE %I.secrets SET SCHEMA %I', log, keys);
    ELSE
        EXECUTE format('INSERT INTO %I.secrets SELECT * FROM %I.secrets ON CONFLICT DO NOTHING', keys, log);
        EXECUTE format('DROP TABLE %I.secrets', log);
    END IF;
    EXECUTE format('CREATE TABLE IF NOT EXISTS %I.destroyed (key_id text COLLATE "C" PRIMARY KEY)', keys);
    EXECUTE format('CREATE VIEW %I.secrets AS SELECT key_id, wrapped FROM %I.secrets', log, keys);
    EXECUTE format('UPDATE %I.head SET secrets = (SELECT count(*) FROM %I.secrets)', log, keys);
END
$$;
