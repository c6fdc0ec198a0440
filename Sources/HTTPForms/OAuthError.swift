// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Why OAuth parameters cannot be read; the server answers 400.
public enum OAuthError: Error, Equatable, CustomStringConvertible {
    case missing(String)
    case repeated(String)
    case unsupportedMethod(String)
    case badTimestamp(String)
    case tooLong

    public var description: String {
        switch self {
        case .missing(let name): "The OAuth parameter '\(name)' is missing."
        case .repeated(let name): "The OAuth parameter '\(name)' is given more than once."
        case .unsupportedMethod(let method): "The OAuth signature method '\(method.prefix(40))' is not supported: expected PLAINTEXT or HMAC-SHA1."
        case .badTimestamp(let text): "The OAuth timestamp '\(text.prefix(40))' is not a number of seconds."
        case .tooLong: "The Authorization header is too long."
        }
    }
}
