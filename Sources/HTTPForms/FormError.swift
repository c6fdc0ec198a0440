// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Why a request's fields cannot be read.
public enum FormError: Error, Equatable, CustomStringConvertible {
    case tooManyFields(limit: Int)
    /// A name, or the headers of a part.
    case nameTooLong(limit: Int)
    /// The multipart content type names no boundary, or one longer than 70 characters (RFC 2046, section 5.1.1).
    case badBoundary
    /// The body ends before the closing boundary.
    case truncated
    /// A part's headers are not header lines.
    case malformedPart(index: Int)
    case badBase64(field: String)
    case unsupportedTransferEncoding(field: String, encoding: String)
    /// The body says that it is JSON and is not, or is no object.
    case badJSON(reason: String)

    public var description: String {
        switch self {
        case .tooManyFields(let limit): "The request has more than \(limit) fields."
        case .nameTooLong(let limit): "The request has a field name or part header of more than \(limit) bytes."
        case .badBoundary: "The multipart content type has no usable boundary: expected 1 to 70 characters."
        case .truncated: "The multipart body ends before its closing boundary."
        case .malformedPart(let index): "Part \(index) of the multipart body has no readable headers."
        case .badBase64(let field): "The part '\(field.prefix(80))' is not base64, though it says so."
        case .unsupportedTransferEncoding(let field, let encoding):
            "The part '\(field.prefix(80))' has transfer encoding '\(encoding.prefix(40))': expected base64, 7bit, 8bit or binary."
        case .badJSON(let reason): "The body is not a JSON object: \(reason)."
        }
    }
}
