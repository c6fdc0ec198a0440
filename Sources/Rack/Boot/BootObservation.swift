// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// Something that the rack saw of a machine's boot, for the machine's timeline.
public struct BootObservation: Sendable, Hashable {
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// A transfer begins.
        case tftpRequest
        /// A transfer ended, and the machine has what it wanted.
        case tftpDone
        /// A request or transfer failed; `detail` says why.
        case tftpFailed
        /// The rack begins to answer a request for a file.
        case httpRequest
        /// All of the answer was sent.
        case httpDone
        /// The answer was an error, or the connection ended before all was sent.
        case httpFailed
        /// A request to `/MAAS/` was answered, by a region or in its stead.
        case metadata
    }

    /// Milliseconds since 1970-01-01T00:00:00 UTC.
    public var milliseconds: Int64
    public var kind: Kind
    /// The machine's address.
    public var client: IPAddress
    /// From the requested name, or else what is known of the address.
    public var macAddress: MACAddress?
    /// The file's name; for metadata the path without its query.
    public var name: String
    /// Octets of content that were sent.
    public var bytes: UInt64
    /// How long the answer took; zero for requests.
    public var duration: Duration
    /// HTTP's status.
    public var status: Int?
    /// What the machine is told to boot, when this was its boot configuration.
    public var purpose: BootPurpose?
    /// More for people: options, method, reason of a failure.
    public var detail: String

    public init(
        milliseconds: Int64, kind: Kind, client: IPAddress, macAddress: MACAddress?, name: String, bytes: UInt64 = 0,
        duration: Duration = .zero, status: Int? = nil, purpose: BootPurpose? = nil, detail: String = ""
    ) {
        self.milliseconds = milliseconds
        self.kind = kind
        self.client = client
        self.macAddress = macAddress
        self.name = name
        self.bytes = bytes
        self.duration = duration
        self.status = status
        self.purpose = purpose
        self.detail = detail
    }
}
