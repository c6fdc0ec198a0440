// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

extension Schema {
    /// Subnets may be IPv6 ones. The addresses of such a network are shared out among racks by their numbers, so a number is never another
    /// rack's, not even when the rack is deleted: that is why the table does not refer to the controller.
    static let ipv6 = [
        """
        ALTER TABLE subnet
            ADD COLUMN router_advertisements boolean NOT NULL DEFAULT false,
            DROP CONSTRAINT subnet_network_check,
            ADD CONSTRAINT subnet_network_check CHECK (family(network) = 4 OR masklen(network) <= 64)
        """,
        """
        CREATE TABLE rack_number (
            rack text PRIMARY KEY,
            number integer NOT NULL,
            CONSTRAINT rack_number_rack_check CHECK (rack ~ '\(Self.systemIDPattern)'),
            CONSTRAINT rack_number_number_key UNIQUE (number),
            CONSTRAINT rack_number_number_check CHECK (number BETWEEN 1 AND 65535)
        )
        """,
    ]
}
