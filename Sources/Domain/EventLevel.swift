// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// How much an event matters (MAAS: the levels of `events/?op=query`).
public enum EventLevel: Int, Sendable, Codable, CaseIterable {
    case audit = 0
    case debug = 10
    case info = 20
    case warning = 30
    case error = 40
    case critical = 50

    public var name: String {
        switch self {
        case .audit: "AUDIT"
        case .debug: "DEBUG"
        case .info: "INFO"
        case .warning: "WARNING"
        case .error: "ERROR"
        case .critical: "CRITICAL"
        }
    }
}
