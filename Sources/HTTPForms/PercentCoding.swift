// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Percent-encoding (RFC 3986, section 2).
public enum PercentCoding {
    /// Decodes text; a percent sign without two hexadecimal digits stays as it is.
    ///
    /// - Parameter plusIsBlank: as in `application/x-www-form-urlencoded`.
    public static func decode(_ bytes: some Sequence<UInt8>, plusIsBlank: Bool = false) -> [UInt8] {
        var output: [UInt8] = []
        var pending: [UInt8] = []
        for byte in bytes {
            if pending.isEmpty {
                switch byte {
                case UInt8(ascii: "%"): pending.append(byte)
                case UInt8(ascii: "+") where plusIsBlank: output.append(0x20)
                default: output.append(byte)
                }
            } else if let low = hexadecimal(byte) {
                guard pending.count == 2, let high = hexadecimal(pending[1]) else {
                    pending.append(byte)
                    continue
                }
                output.append(high << 4 | low)
                pending.removeAll(keepingCapacity: true)
            } else {
                output += pending
                pending.removeAll(keepingCapacity: true)
                switch byte {
                case UInt8(ascii: "%"): pending.append(byte)
                case UInt8(ascii: "+") where plusIsBlank: output.append(0x20)
                default: output.append(byte)
                }
            }
        }
        return output + pending
    }

    /// Decodes text to text; bytes that are not UTF-8 become replacement characters.
    public static func decode(_ text: String, plusIsBlank: Bool = false) -> String {
        String(decoding: Self.decode(text.utf8, plusIsBlank: plusIsBlank), as: UTF8.self)
    }

    /// Encodes everything but the unreserved characters, as OAuth asks (RFC 5849, section 3.6).
    public static func encode(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var output: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
                output.append(byte)
            default: output += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    private static func hexadecimal(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
