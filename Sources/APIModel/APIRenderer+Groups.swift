// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain
public import JSON

extension APIRenderer {
    public static func zone(_ zone: Zone) -> JSONValue {
        [
            "id": .int(zone.id), "name": .string(zone.name), "description": .string(zone.description),
            "resource_uri": .string(APIPath.zone(zone.name)),
        ]
    }

    public static func pool(_ pool: ResourcePool) -> JSONValue {
        [
            "id": .int(pool.id), "name": .string(pool.name), "description": .string(pool.description),
            "resource_uri": .string(APIPath.pool(pool.id)),
        ]
    }

    public static func tag(_ tag: Tag) -> JSONValue {
        [
            "name": .string(tag.name), "definition": .string(tag.definition), "comment": .string(tag.comment),
            "kernel_opts": .string(tag.kernelOptions), "resource_uri": .string(APIPath.tag(tag.name)),
        ]
    }

    /// The domain of every machine.
    public static let domainObject: JSONValue = [
        "id": 0, "name": .string(domain), "authoritative": true, "ttl": nil, "is_default": true, "resource_record_count": 0,
        "resource_uri": .string(APIPath.domain),
    ]

    public static func user(_ user: User) -> JSONValue {
        [
            "username": .string(user.username), "email": .string(user.email), "is_superuser": .bool(user.isSuperuser), "is_local": true,
            "resource_uri": .string(APIPath.user(user.username)),
        ]
    }

    public static func sshKey(_ key: SSHKey) -> JSONValue {
        ["id": .int(key.id), "key": .string(key.key), "keysource": "", "resource_uri": .string(APIPath.sshKey(key.id))]
    }

    /// A new API key, with its secret.
    public static func token(_ token: APIToken) -> JSONValue {
        [
            "consumer_key": .string(token.consumerKey), "name": .string(token.name), "token_key": .string(token.tokenKey),
            "token_secret": .string(token.tokenSecret),
        ]
    }

    /// An API key in a list of them.
    public static func tokenListItem(_ token: APIToken) -> JSONValue {
        ["name": .string(token.name), "token": .string(token.text)]
    }

    /// `version/`. MAAS's version is the one whose API this is; Gantry's own stands beside it.
    public static func version(software: String) -> JSONValue {
        [
            "version": "3.5.0", "subversion": "",
            "capabilities": [
                "networks-management", "static-ipaddresses", "ipv6-deployment-ubuntu", "devices-management", "storage-deployment-ubuntu",
                "network-deployment-ubuntu", "bridging-interface-ubuntu", "bridging-automatic-ubuntu", "authenticate-api",
            ],
            "gantry": .string(software),
        ]
    }
}
