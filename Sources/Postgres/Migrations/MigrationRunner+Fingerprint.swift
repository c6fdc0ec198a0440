// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

extension MigrationRunner {
    /// A description of a schema that is the same for the same schema, whenever and wherever it was made: types, tables with
    /// columns, constraints, indexes and triggers, views, sequences, functions. A test compares it with a checked-in file.
    ///
    /// - Throws: ``PostgresError`` when a query fails.
    public static func schemaFingerprint(on pool: PostgresPool, schema: String = "public") async throws -> String {
        try await pool.transaction(isolation: .repeatableRead) { transaction in
            // Names are written with or without their schema, depending on this.
            _ = try await transaction.query("SELECT set_config('search_path', \(quotedIdentifier(schema)), true)")
            var lines: [String] = []
            for query in Self.descriptions(of: schema) {
                for row in try await transaction.query(query) { lines.append(try row["line"]) }
            }
            return lines.joined(separator: "\n") + "\n"
        }
    }

    /// Queries with one text column `line` each, ordered bytewise (`COLLATE "C"`): the database's own collation may differ.
    private static func descriptions(of schema: String) -> [PostgresQuery] {
        [
            """
            SELECT 'enum ' || t.typname || ': ' || string_agg(e.enumlabel, ', ' ORDER BY e.enumsortorder) AS line
            FROM pg_type t JOIN pg_enum e ON e.enumtypid = t.oid JOIN pg_namespace n ON n.oid = t.typnamespace
            WHERE n.nspname = \(schema) GROUP BY t.typname ORDER BY t.typname COLLATE "C"
            """,
            """
            SELECT 'sequence ' || c.relname AS line
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = \(schema) AND c.relkind = 'S' ORDER BY c.relname COLLATE "C"
            """,
            """
            SELECT line FROM (
                SELECT c.relname AS relation, 0 AS kind, 0 AS position, '' AS name,
                    'table ' || c.relname || CASE c.relkind WHEN 'p' THEN ' PARTITION BY ' || pg_get_partkeydef(c.oid) ELSE '' END
                    || CASE c.relpersistence WHEN 'u' THEN ' UNLOGGED' ELSE '' END AS line
                FROM pg_class c WHERE c.relnamespace = quote_ident(\(schema))::regnamespace AND c.relkind IN ('r', 'p')
                UNION ALL
                SELECT c.relname, 1, a.attnum, a.attname,
                    '  column ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
                    || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
                    || CASE a.attidentity WHEN 'a' THEN ' IDENTITY ALWAYS' WHEN 'd' THEN ' IDENTITY BY DEFAULT' ELSE '' END
                    || CASE WHEN d.adbin IS NULL THEN ''
                        WHEN a.attgenerated = 's' THEN ' GENERATED ' || pg_get_expr(d.adbin, d.adrelid)
                        ELSE ' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid) END
                FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
                WHERE c.relnamespace = quote_ident(\(schema))::regnamespace AND c.relkind IN ('r', 'p')
                UNION ALL
                SELECT c.relname, 2, 0, k.conname, '  constraint ' || k.conname || ' ' || pg_get_constraintdef(k.oid)
                FROM pg_class c JOIN pg_constraint k ON k.conrelid = c.oid
                WHERE c.relnamespace = quote_ident(\(schema))::regnamespace AND c.relkind IN ('r', 'p') AND k.contype <> 'n'
                UNION ALL
                SELECT c.relname, 3, 0, i.relname, '  index ' || pg_get_indexdef(i.oid)
                FROM pg_class c JOIN pg_index x ON x.indrelid = c.oid JOIN pg_class i ON i.oid = x.indexrelid
                WHERE c.relnamespace = quote_ident(\(schema))::regnamespace AND c.relkind IN ('r', 'p')
                UNION ALL
                SELECT c.relname, 4, 0, t.tgname, '  trigger ' || pg_get_triggerdef(t.oid)
                FROM pg_class c JOIN pg_trigger t ON t.tgrelid = c.oid
                WHERE c.relnamespace = quote_ident(\(schema))::regnamespace AND NOT t.tgisinternal
            ) AS part ORDER BY relation COLLATE "C", kind, position, name COLLATE "C"
            """,
            """
            SELECT CASE c.relkind WHEN 'm' THEN 'materialized ' ELSE '' END || 'view ' || c.relname || E'\\n' || pg_get_viewdef(c.oid) AS line
            FROM pg_class c WHERE c.relnamespace = quote_ident(\(schema))::regnamespace AND c.relkind IN ('v', 'm') ORDER BY c.relname COLLATE "C"
            """,
            """
            SELECT 'function ' || p.oid::regprocedure || E'\\n' || pg_get_functiondef(p.oid) AS line
            FROM pg_proc p WHERE p.pronamespace = quote_ident(\(schema))::regnamespace AND p.prokind IN ('f', 'p')
                AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
            ORDER BY p.oid::regprocedure::text COLLATE "C"
            """,
        ]
    }
}
