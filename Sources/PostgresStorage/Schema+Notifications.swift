// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

extension Schema {
    /// Tells the regions of changes, in the transaction that makes them; see `StoreChannel`. Equal notices of one transaction are one.
    static let notifications =
        [
            """
            CREATE FUNCTION notify_machine() RETURNS trigger LANGUAGE plpgsql AS $function$
            BEGIN
                IF TG_TABLE_NAME = 'machine' THEN
                    PERFORM pg_notify('gantry_machine', coalesce(NEW.id, OLD.id));
                ELSE
                    PERFORM pg_notify('gantry_machine', coalesce(NEW.machine_id, OLD.machine_id));
                END IF;
                RETURN NULL;
            END
            $function$
            """,
            """
            CREATE FUNCTION notify_event() RETURNS trigger LANGUAGE plpgsql AS $function$
            BEGIN
                PERFORM pg_notify('gantry_event', NEW.id::text);
                RETURN NULL;
            END
            $function$
            """,
            """
            CREATE FUNCTION notify_configuration() RETURNS trigger LANGUAGE plpgsql AS $function$
            BEGIN
                PERFORM pg_notify('gantry_configuration', TG_TABLE_NAME);
                RETURN NULL;
            END
            $function$
            """,
            """
            CREATE TRIGGER machine_notify AFTER INSERT OR UPDATE OR DELETE ON machine
                FOR EACH ROW EXECUTE FUNCTION notify_machine()
            """,
            """
            CREATE TRIGGER machine_secret_notify AFTER UPDATE ON machine_secret
                FOR EACH ROW EXECUTE FUNCTION notify_machine()
            """,
            """
            CREATE TRIGGER event_notify AFTER INSERT ON event
                FOR EACH ROW EXECUTE FUNCTION notify_event()
            """,
            """
            CREATE TRIGGER controller_notify AFTER INSERT OR DELETE ON controller
                FOR EACH ROW EXECUTE FUNCTION notify_configuration()
            """,
            // A heartbeat that changes nothing else is no news.
            """
            CREATE TRIGGER controller_notify_update AFTER UPDATE ON controller
                FOR EACH ROW WHEN (
                    (OLD.kind, OLD.hostname, OLD.software_version, OLD.interfaces, OLD.connected)
                    IS DISTINCT FROM (NEW.kind, NEW.hostname, NEW.software_version, NEW.interfaces, NEW.connected)
                ) EXECUTE FUNCTION notify_configuration()
            """,
        ]
        + [
            "zone", "resource_pool", "tag", "fabric", "space", "vlan", "subnet", "ip_range", "ssh_key", "boot_asset", "boot_source", "setting",
        ].flatMap { table in
            [
                """
                CREATE TRIGGER \(table)_notify AFTER INSERT OR DELETE ON \(table)
                    FOR EACH ROW EXECUTE FUNCTION notify_configuration()
                """,
                """
                CREATE TRIGGER \(table)_notify_update AFTER UPDATE ON \(table)
                    FOR EACH ROW WHEN (OLD IS DISTINCT FROM NEW) EXECUTE FUNCTION notify_configuration()
                """,
            ]
        }
}
