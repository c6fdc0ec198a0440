// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

extension TFTPPacket {
    /// The packet's octets. Zero bytes inside texts are left out, and an error's message is cut to `maximumMessageLength`.
    public var encoded: [UInt8] {
        var bytes: [UInt8] = []
        switch self {
        case .readRequest(let request):
            Self.append(.readRequest, to: &bytes)
            Self.append(request, to: &bytes)
        case .writeRequest(let request):
            Self.append(.writeRequest, to: &bytes)
            Self.append(request, to: &bytes)
        case .data(let block, let payload):
            bytes.reserveCapacity(Self.dataHeaderLength + payload.count)
            Self.append(.data, to: &bytes)
            Self.append(block, to: &bytes)
            bytes.append(contentsOf: payload)
        case .acknowledgement(let block):
            Self.append(.acknowledgement, to: &bytes)
            Self.append(block, to: &bytes)
        case .error(let code, let message):
            Self.append(.error, to: &bytes)
            Self.append(code.rawValue, to: &bytes)
            Self.append(message, limit: Self.maximumMessageLength, to: &bytes)
        case .optionAcknowledgement(let options):
            Self.append(.optionAcknowledgement, to: &bytes)
            Self.append(options, to: &bytes)
        }
        return bytes
    }

    private static func append(_ opcode: Opcode, to bytes: inout [UInt8]) {
        Self.append(opcode.rawValue, to: &bytes)
    }

    private static func append(_ number: UInt16, to bytes: inout [UInt8]) {
        bytes.append(UInt8(number >> 8))
        bytes.append(UInt8(truncatingIfNeeded: number))
    }

    private static func append(_ text: String, limit: Int = .max, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: text.utf8.lazy.filter { $0 != 0 }.prefix(limit))
        bytes.append(0)
    }

    private static func append(_ request: TFTPRequest, to bytes: inout [UInt8]) {
        Self.append(request.filename, to: &bytes)
        Self.append(request.mode.rawValue, to: &bytes)
        Self.append(request.options, to: &bytes)
    }

    private static func append(_ options: [TFTPOption], to bytes: inout [UInt8]) {
        for option in options {
            Self.append(option.name, to: &bytes)
            Self.append(option.value, to: &bytes)
        }
    }
}
