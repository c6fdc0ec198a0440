// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import TFTP

/// What server and client agreed on for one transfer (RFC 2347 to 2349, RFC 7440).
public struct TransferTerms: Sendable, Hashable, Codable {
    /// Octets of data in each block but the last one.
    public var blockSize: Int
    /// Blocks that are sent before an acknowledgement.
    public var windowSize: Int
    /// Seconds before a retransmission, when the client asked for a number.
    public var timeoutSeconds: Int?

    /// RFC 1350's terms, for requests without options.
    public static let plain = TransferTerms(blockSize: 512, windowSize: 1, timeoutSeconds: nil)

    public init(blockSize: Int, windowSize: Int, timeoutSeconds: Int?) {
        self.blockSize = blockSize
        self.windowSize = windowSize
        self.timeoutSeconds = timeoutSeconds
    }

    /// Agrees to a request's options, as far as they are understood and sane; the others are left out of the answer, as RFC 2347 wants.
    ///
    /// - Returns: the terms, and the options to acknowledge in the order of the request; with none of them, no acknowledgement is sent.
    public static func agree(
        to request: TFTPRequest, size: UInt64, configuration: ReadTransferConfiguration
    ) -> (terms: TransferTerms, accepted: [TFTPOption]) {
        var terms = TransferTerms.plain
        var accepted: [TFTPOption] = []
        for option in request.options {
            guard let number = option.number else { continue }
            switch option.name.lowercased() {
            case TFTPOption.blockSize where number >= 8:
                terms.blockSize = Int(min(number, UInt64(configuration.maximumBlockSize)))
                accepted.append(TFTPOption(name: option.name, value: String(terms.blockSize)))
            case TFTPOption.windowSize where number >= 1:
                terms.windowSize = Int(min(number, UInt64(configuration.maximumWindowSize)))
                accepted.append(TFTPOption(name: option.name, value: String(terms.windowSize)))
            case TFTPOption.timeout where (1...255).contains(number):
                terms.timeoutSeconds = Int(number)
                accepted.append(TFTPOption(name: option.name, value: String(number)))
            case TFTPOption.transferSize where request.mode == .octet:
                accepted.append(TFTPOption(name: option.name, value: String(size)))
            default:
                continue
            }
        }
        return (terms, accepted)
    }
}
