// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Decodes a value that travels as its text form.
///
/// - Throws: `DecodingError.dataCorrupted` naming the text and what was expected.
func decodeText<Value: LosslessStringConvertible>(from decoder: any Decoder, expected: String) throws -> Value {
    let text = try decoder.singleValueContainer().decode(String.self)
    guard let value = Value(text) else {
        throw DecodingError.dataCorrupted(
            .init(codingPath: decoder.codingPath, debugDescription: "'\(text.prefix(80))' is not \(expected)")
        )
    }
    return value
}
