// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import NIOCore
import NIOEmbedded
import NIOHTTP1

@testable import Rack

/// A machine's connection to the rack's HTTP server: requests as the wire has them, then the rack's own reading of target, range and fields.
enum HTTPTarget: FuzzTarget {
    static let name = "http"

    static func take(_ input: [UInt8]) {
        let channel = EmbeddedChannel()
        defer { _ = try? channel.finish(acceptAlreadyClosed: true) }
        do {
            try channel.pipeline.syncOperations.addHandler(ByteToMessageHandler(HTTPRequestDecoder()))
            try channel.writeInbound(ByteBuffer(bytes: input))
        } catch {
            // What is no HTTP ends the connection; the requests before it stand.
        }
        while let part = try? channel.readInbound(as: HTTPServerRequestPart.self) {
            if case .head(let head) = part { Self.check(head) }
        }
    }

    private static func check(_ head: HTTPRequestHead) {
        Self.checkRoute(head.uri)
        for size in [0, 1, 1000, 1 << 40] as [UInt64] {
            Self.checkRange(head.headers.first(name: "range"), size: size)
        }
        Self.checkFields(head.headers)
    }

    private static func checkRoute(_ uri: String) {
        guard case .file(let name) = BootHTTPRoute(uri: uri) else { return }
        TFTPTarget.checkPath(name)
        precondition(name != "MAAS" && !name.hasPrefix("MAAS/"), "'\(uri)' belongs to a region")
        // The name is its own plain form.
        let digits = Array("0123456789ABCDEF")
        let encoded = name.utf8.map { "%\(digits[Int($0 >> 4)])\(digits[Int($0 & 15)])" }.joined()
        let again = BootHTTPRoute(uri: "/\(encoded)")
        // A second "boot/" is a folder of that name the first time only.
        precondition(again == .file(name: name) || name.hasPrefix("boot/"), "'\(uri)' is '\(name)' and then \(again)")
    }

    private static func checkRange(_ header: String?, size: UInt64) {
        switch ByteRanges(header: header, size: size) {
        case .whole: break
        case .parts(let parts):
            precondition((1...ByteRanges.maximumCount).contains(parts.count), "\(parts.count) ranges")
            precondition(parts.allSatisfy { !$0.isEmpty && $0.upperBound <= size }, "\(header ?? "") of \(size) is \(parts)")
            // Nobody is sent a file many times for one request.
            let total = parts.reduce(0) { $0 + UInt64($1.count) }
            precondition(total <= size * UInt64(ByteRanges.maximumOverlaps + 1), "\(header ?? "") of \(size) is \(total) octets")
        case .unsatisfiable, .refused:
            precondition(header != nil)
        }
    }

    /// A machine cannot speak in the rack's name, nor end a connection that is not its own.
    private static func checkFields(_ headers: HTTPHeaders) {
        let forwarded = ForwardHeaders.request(headers, client: .v4(IPv4Address(rawValue: 0x0A63_0032)), service: "http://10.99.0.1:5248")
        let names = forwarded.map { $0.name.lowercased() }
        for own in ["x-forwarded-for", "x-gantry-service"] {
            precondition(names.count { $0 == own } == 1, "\(own) in \(names)")
        }
        let reserved = names.filter { $0.hasPrefix("x-forwarded-") || $0.hasPrefix("x-gantry-") || $0 == "forwarded" }
        precondition(reserved.count == 2, "\(reserved)")
        for name in ["connection", "transfer-encoding", "content-length", "upgrade", "expect"] {
            precondition(!names.contains(name), "\(name) is forwarded")
        }
        precondition(forwarded.count <= headers.count + 2)
        precondition(ForwardHeaders.response(headers).allSatisfy { !$0.name.lowercased().hasPrefix("x-gantry-") })
    }
}
