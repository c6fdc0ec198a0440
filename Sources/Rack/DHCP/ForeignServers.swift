// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain

/// The DHCP servers on a segment that are not ours, so that each is reported once a minute however many machines follow it.
struct ForeignServers: Sendable {
    private struct Entry: Sendable {
        var server = IPv4Address(rawValue: 0)
        var reported: Int64 = .min
    }

    /// A segment with more than eight of them has its operator's attention anyhow. Of fixed size: this is the packet path.
    private var entries: [Entry] = Array(repeating: Entry(), count: 8)

    private static let pause: Int64 = 60_000

    /// Whether the server was not reported in the last minute; then it is now.
    mutating func isNews(_ server: IPv4Address, milliseconds: Int64) -> Bool {
        var oldest = 0
        for index in self.entries.indices {
            if self.entries[index].server == server, self.entries[index].reported != .min {
                // A wall clock may be set back: then it is time, too.
                let age = milliseconds &- self.entries[index].reported
                guard age < 0 || age >= Self.pause else { return false }
                self.entries[index].reported = milliseconds
                return true
            }
            if self.entries[index].reported < self.entries[oldest].reported { oldest = index }
        }
        self.entries[oldest] = Entry(server: server, reported: milliseconds)
        return true
    }
}
