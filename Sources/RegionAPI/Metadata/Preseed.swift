// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain
internal import JSON

/// The cloud-config that a network boot is given: where the metadata is, with which key, and where to report. JSON is YAML, so that no
/// value can break out of its place.
enum Preseed {
    /// For a machine that is known.
    static func machine(_ id: SystemID, token: APIToken, baseURL: String) -> String {
        let keys: JSONObject = [
            "consumer_key": .string(token.consumerKey), "token_key": .string(token.tokenKey), "token_secret": .string(token.tokenSecret),
        ]
        let datasource = JSONObject([("metadata_url", .string("\(baseURL)/MAAS/metadata/"))]).merging(keys)
        let reporter = JSONObject([
            ("type", "webhook"), ("endpoint", .string("\(baseURL)/MAAS/metadata/status/\(id)")), ("level", "INFO"),
        ]).merging(keys)
        return Self.text([
            ("datasource", ["MAAS": .object(datasource)]), ("reporting", ["maas": .object(reporter)]), ("manage_etc_hosts", true),
        ])
    }

    /// For a machine that nobody knows.
    static func enlistment(baseURL: String) -> String {
        Self.anonymous(work: "enlist", baseURL: baseURL)
    }

    /// For a machine that has nothing to do here: it switches itself off.
    static func idle(baseURL: String) -> String {
        Self.anonymous(work: "poweroff", baseURL: baseURL)
    }

    private static func anonymous(work: String, baseURL: String) -> String {
        Self.text([
            ("datasource", ["MAAS": ["metadata_url": .string("\(baseURL)/MAAS/metadata/\(work)/"), "timeout": 50, "max_wait": 120]]),
            ("manage_etc_hosts", true),
        ])
    }

    /// A line for each key, its value as JSON.
    private static func text(_ members: [(String, JSONValue)]) -> String {
        "#cloud-config\n" + members.map { "\($0.0): \($0.1.text)\n" }.joined()
    }
}
