// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

extension Schema {
    /// The layouts that were chosen for machines' disks, and what an erasure's agent says of how it went.
    static let storage = [
        """
        CREATE TABLE storage_layout (
            machine_id text PRIMARY KEY,
            layout jsonb NOT NULL,
            CONSTRAINT storage_layout_machine_id_fkey FOREIGN KEY (machine_id) REFERENCES machine (id) ON DELETE CASCADE,
            CONSTRAINT storage_layout_check CHECK (jsonb_typeof(layout) = 'object')
        )
        """,
        """
        ALTER TABLE erase_certificate ADD COLUMN report jsonb NOT NULL DEFAULT '{}',
            ADD CONSTRAINT erase_certificate_report_check CHECK (jsonb_typeof(report) = 'object')
        """,
    ]
}
