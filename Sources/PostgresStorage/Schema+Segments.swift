// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

extension Schema {
    /// What racks that share a segment have in common, and where they find one another.
    static let segments = [
        """
        CREATE TABLE segment_service (
            vlan_id bigint PRIMARY KEY,
            address inet NOT NULL,
            secret bytea NOT NULL,
            version bigint NOT NULL,
            racks text[] NOT NULL,
            CONSTRAINT segment_service_vlan_id_fkey FOREIGN KEY (vlan_id) REFERENCES vlan (id) ON DELETE CASCADE,
            CONSTRAINT segment_service_address_check CHECK (family(address) = 4),
            CONSTRAINT segment_service_version_check CHECK (version > 0)
        )
        """,
        """
        CREATE TABLE rack_peer (
            controller_id text PRIMARY KEY,
            host text NOT NULL,
            port integer NOT NULL,
            is_drained boolean NOT NULL DEFAULT false,
            CONSTRAINT rack_peer_controller_id_fkey FOREIGN KEY (controller_id) REFERENCES controller (id) ON DELETE CASCADE,
            CONSTRAINT rack_peer_port_check CHECK (port BETWEEN 1 AND 65535)
        )
        """,
        """
        CREATE TABLE segment_report (
            vlan_id bigint NOT NULL,
            controller_id text NOT NULL,
            role text NOT NULL,
            since timestamptz NOT NULL,
            term bigint NOT NULL,
            active text,
            standbys text[] NOT NULL,
            leases bigint NOT NULL,
            reason text,
            gap_milliseconds bigint,
            updated timestamptz NOT NULL,
            PRIMARY KEY (vlan_id, controller_id),
            CONSTRAINT segment_report_vlan_id_fkey FOREIGN KEY (vlan_id) REFERENCES vlan (id) ON DELETE CASCADE,
            CONSTRAINT segment_report_controller_id_fkey FOREIGN KEY (controller_id) REFERENCES controller (id) ON DELETE CASCADE
        )
        """,
    ]
}
