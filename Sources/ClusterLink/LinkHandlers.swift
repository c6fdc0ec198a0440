// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import ClusterMessages
import FoundationEssentials
import Synchronization

/// What one end does with the messages that it gets, by name.
final class LinkHandlers: Sendable {
    typealias Handler = @Sendable (_ body: [UInt8], _ peer: LinkPeer) async throws -> [UInt8]

    private let handlers = Mutex<[String: Handler]>([:])

    /// Adds the handler of one kind of message. Two for the same name are a bug of ours.
    func add<Message: LinkMessage>(
        _ type: Message.Type, _ handle: @escaping @Sendable (Message, LinkPeer) async throws -> Message.Reply
    ) {
        let name = Message.name
        precondition((1...LinkFrame.maximumNameByteCount).contains(name.utf8.count), "the message name \"\(name)\"")
        let handler: Handler = { body, peer in
            let message: Message
            do {
                message = try JSONDecoder().decode(Message.self, from: Data(body))
            } catch {
                throw LinkRefusal(.malformedMessage, "\(Message.name): \(LinkCoding.explain(error))")
            }
            return Array(try JSONEncoder().encode(try await handle(message, peer)))
        }
        self.handlers.withLock { handlers in
            precondition(handlers.updateValue(handler, forKey: name) == nil, "two handlers for the message \(name)")
        }
    }

    /// The handler of a message, if there is one.
    subscript(name: String) -> Handler? {
        self.handlers.withLock { $0[name] }
    }

    /// Handles a request. Every outcome is a frame.
    func answer(_ request: LinkFrame, from peer: LinkPeer) async -> LinkFrame {
        guard let handler = self[request.name] else {
            return LinkRefusal(.unknownMessage, request.name).frame(requestID: request.requestID)
        }
        do {
            let body = try await handler(request.body, peer)
            return LinkFrame(.reply, requestID: request.requestID, name: request.name, body: body)
        } catch let refusal as LinkRefusal {
            return refusal.frame(requestID: request.requestID)
        } catch {
            return LinkRefusal(.handlerFailed, "\(error)").frame(requestID: request.requestID)
        }
    }
}

/// Messages as JSON.
enum LinkCoding {
    static func encode<Message: LinkMessage>(_ message: Message) throws(LinkError) -> [UInt8] {
        if let json = message.encodedJSON { return json }
        do {
            return Array(try JSONEncoder().encode(message))
        } catch {
            throw .unencodableMessage(Self.explain(error))
        }
    }

    static func decode<Reply: Decodable>(_ type: Reply.Type, from body: [UInt8]) throws(LinkError) -> Reply {
        do {
            return try JSONDecoder().decode(type, from: Data(body))
        } catch {
            throw .undecodableReply(Self.explain(error))
        }
    }

    /// The place and the kind of a coding error, without the values: they may be secrets.
    static func explain(_ error: any Error) -> String {
        func place(_ path: [any CodingKey]) -> String {
            path.isEmpty ? "the whole" : path.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
        }
        switch error {
        case DecodingError.keyNotFound(let key, let context): return "\(place(context.codingPath + [key])) is missing"
        case DecodingError.valueNotFound(let type, let context): return "\(place(context.codingPath)) is null, expected \(type)"
        case DecodingError.typeMismatch(let type, let context): return "\(place(context.codingPath)) is not \(type)"
        case DecodingError.dataCorrupted(let context): return "\(place(context.codingPath)) has no valid form"
        case EncodingError.invalidValue(let value, let context): return "\(place(context.codingPath)) is a \(type(of: value)) that has no form"
        default: return "\(type(of: error))"
        }
    }
}
