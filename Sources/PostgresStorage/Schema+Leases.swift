// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

extension Schema {
    /// What DHCP gave out, and the state of each segment's lease authority.
    static let leases = [
        """
        CREATE TABLE lease (
            vlan_id bigint NOT NULL,
            address inet NOT NULL,
            mac_address macaddr NOT NULL,
            generation bigint NOT NULL,
            hostname text NOT NULL,
            expires timestamptz NOT NULL,
            updated timestamptz NOT NULL,
            PRIMARY KEY (vlan_id, address),
            CONSTRAINT lease_vlan_id_fkey FOREIGN KEY (vlan_id) REFERENCES vlan (id) ON DELETE CASCADE,
            CONSTRAINT lease_address_check CHECK (family(address) = 4)
        )
        """,
        "CREATE INDEX lease_address ON lease (address)",
        "CREATE INDEX lease_mac_address ON lease (mac_address)",
        "CREATE INDEX lease_expires ON lease (expires)",
        """
        CREATE TABLE lease_authority (
            vlan_id bigint PRIMARY KEY,
            snapshot bytea,
            updated timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT lease_authority_vlan_id_fkey FOREIGN KEY (vlan_id) REFERENCES vlan (id) ON DELETE CASCADE
        )
        """,
    ]
}
