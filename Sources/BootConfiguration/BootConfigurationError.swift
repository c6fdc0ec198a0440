// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Why no configuration can be written from an intent. Values that users wrote are named by position and never repeated.
public enum BootConfigurationError: Error, Equatable, CustomStringConvertible {
    /// The purpose boots the ephemeral OS, and the intent names no image.
    case missingImage(purpose: String)
    /// Not a SHA-256 in lower-case hexadecimal.
    case invalidDigest(file: String)
    /// The preseed path has octets that a URL's path and query cannot have.
    case invalidPreseedPath(offset: Int)
    /// A kernel option has a line break or another control character.
    case controlCharacter(option: Int)
    /// A kernel option opens a double quote and does not close it.
    case openQuote(option: Int)
    /// A kernel option has a word that this loader would take for a command of its own.
    case notExpressible(option: Int, loader: BootLoader)
    /// The kernel would cut the command line.
    case commandLineTooLong(count: Int, limit: Int)

    public var description: String {
        switch self {
        case .missingImage(let purpose): "the boot intent has the purpose \(purpose) and no image"
        case .invalidDigest(let file): "the digest of the \(file) is not 64 lower-case hexadecimal digits"
        case .invalidPreseedPath(let offset): "the preseed path has an octet at \(offset) that a URL cannot have"
        case .controlCharacter(let option): "kernel option \(option) has a line break or control character"
        case .openQuote(let option): "kernel option \(option) opens a quote and does not close it"
        case .notExpressible(let option, let loader): "kernel option \(option) has a word that \(loader.rawValue) takes for its own"
        case .commandLineTooLong(let count, let limit): "the kernel command line has \(count) octets; at most \(limit) fit"
        }
    }
}
