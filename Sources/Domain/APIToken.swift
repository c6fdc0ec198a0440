// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// An API key: `consumer:token:secret` (OAuth 1.0 with an empty consumer secret).
public struct APIToken: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    public var consumerKey: String
    public var tokenKey: String
    public var tokenSecret: String
    public var name: String

    public init(consumerKey: String, tokenKey: String, tokenSecret: String, name: String) {
        self.consumerKey = consumerKey
        self.tokenKey = tokenKey
        self.tokenSecret = tokenSecret
        self.name = name
    }

    /// The key as users copy it.
    public var text: String { "\(self.consumerKey):\(self.tokenKey):\(self.tokenSecret)" }

    /// Without the secret.
    public var description: String { "API key \(self.tokenKey)" }

    public var customMirror: Mirror { Mirror(self, children: ["tokenKey": self.tokenKey]) }
}
