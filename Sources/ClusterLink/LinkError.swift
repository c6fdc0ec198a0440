// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Why a message was not answered.
public enum LinkError: Error, Sendable, Equatable, CustomStringConvertible {
    /// There is no link at the moment; the client is trying to get one.
    case notConnected
    /// The link was closed before the reply came. Whether the message was handled is unknown.
    case closed(reason: String)
    /// No reply came in time. Whether the message was handled, or still will be, is unknown.
    case deadlineExceeded
    /// The peer answered with a refusal.
    case refused(LinkRefusal)
    /// The peer does not read fast enough: the queue of outgoing frames is full. The message was not sent.
    case queueFull
    /// Too many requests of ours wait for their turn. The message was not sent.
    case tooManyRequests
    /// The message is larger than a frame may be. It was not sent.
    case frameTooLarge(bytes: Int, limit: Int)
    /// The message could not be written as JSON. It was not sent.
    case unencodableMessage(String)
    /// The reply is not what the message's type says.
    case undecodableReply(String)

    /// What happened, for people.
    public var description: String {
        switch self {
        case .notConnected: "there is no link"
        case .closed(let reason): "the link was closed: \(reason)"
        case .deadlineExceeded: "no reply in time"
        case .refused(let refusal): "refused: \(refusal)"
        case .queueFull: "the peer does not read fast enough"
        case .tooManyRequests: "too many requests wait for a reply"
        case .frameTooLarge(let bytes, let limit): "a message of \(bytes) bytes, expected at most \(limit)"
        case .unencodableMessage(let text): "the message cannot be encoded: \(text)"
        case .undecodableReply(let text): "the reply cannot be understood: \(text)"
        }
    }

    /// Whether the message certainly was not handled, so that sending it again cannot do anything twice.
    public var wasNotSent: Bool {
        switch self {
        case .notConnected, .queueFull, .tooManyRequests, .frameTooLarge, .unencodableMessage: true
        case .refused(let refusal): refusal.code == .busy || refusal.code == .unknownMessage || refusal.code == .malformedMessage
        case .closed, .deadlineExceeded, .undecodableReply: false
        }
    }
}

/// A peer's answer that is not a reply. A handler throws it to say so; every other error of a handler arrives as `handlerFailed`.
public struct LinkRefusal: Error, Sendable, Hashable, CustomStringConvertible {
    /// Why a request was refused. A code that a later release added arrives as `other`.
    public enum Code: Sendable, Hashable, CustomStringConvertible {
        /// The peer has no handler for a message of this name: it is of another release.
        case unknownMessage
        /// The body is not what the message's type says.
        case malformedMessage
        /// The handler threw.
        case handlerFailed
        /// Too many requests are being handled; try again later.
        case busy
        /// The reply was larger than a frame may be.
        case replyTooLarge
        /// A code of the parts above, or of a later release.
        case other(String)

        /// The code on the wire.
        public var description: String {
            switch self {
            case .unknownMessage: "unknownMessage"
            case .malformedMessage: "malformedMessage"
            case .handlerFailed: "handlerFailed"
            case .busy: "busy"
            case .replyTooLarge: "replyTooLarge"
            case .other(let text): text
            }
        }

        /// The code of a text on the wire.
        public init(_ text: String) {
            let known: [Code] = [.unknownMessage, .malformedMessage, .handlerFailed, .busy, .replyTooLarge]
            self = known.first { $0.description == text } ?? .other(text)
        }
    }

    /// The longest text in bytes that is sent.
    static let maximumMessageByteCount = 1024

    /// Why.
    public let code: Code
    /// For people.
    public let message: String

    /// Makes a refusal. The text is cut when it is longer than 1024 bytes; it must hold no secret.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message.utf8.count <= Self.maximumMessageByteCount ? message : String(message.prefix(200)) + "…"
    }

    /// Code and text.
    public var description: String { "\(self.code): \(self.message)" }

    /// The frame that carries it.
    func frame(requestID: UInt64) -> LinkFrame {
        var name = self.code.description
        while name.utf8.count > LinkFrame.maximumNameByteCount { name.removeLast() }
        return LinkFrame(.refusal, requestID: requestID, name: name, body: Array(self.message.utf8))
    }

    init(_ frame: LinkFrame) {
        self.init(Code(frame.name), String(decoding: frame.body.prefix(Self.maximumMessageByteCount), as: UTF8.self))
    }
}
