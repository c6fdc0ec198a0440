// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import JSON

/// An answer.
struct APIResponse: Sendable {
    enum Body: Sendable {
        case bytes([UInt8])
        /// The content of a file, from an offset on.
        case file(path: String, offset: Int)
        /// Text that comes bit by bit: each call gives the next bit, nil the end. `finish` is called when nobody reads on.
        case stream(pull: @Sendable () async throws -> String?, finish: @Sendable () -> Void)
    }

    var status: Int
    var contentType: String
    var body: Body
    var headers: [(String, String)] = []

    init(status: Int = 200, contentType: String, body: [UInt8], headers: [(String, String)] = []) {
        self.status = status
        self.contentType = contentType
        self.body = .bytes(body)
        self.headers = headers
    }

    static func json(_ value: JSONValue, status: Int = 200) -> APIResponse {
        APIResponse(status: status, contentType: "application/json", body: value.bytes)
    }

    static func text(_ text: String, status: Int = 200) -> APIResponse {
        APIResponse(status: status, contentType: "text/plain; charset=utf-8", body: Array(text.utf8))
    }

    static func bytes(_ bytes: [UInt8], contentType: String = "application/octet-stream") -> APIResponse {
        APIResponse(contentType: contentType, body: bytes)
    }

    /// What MAAS answers to operations without a result.
    static let ok = APIResponse.text("OK")

    /// 204. It has a content type too: the `maas` command line fails without one.
    static let noContent = APIResponse(status: 204, contentType: "text/plain; charset=utf-8", body: [])
}
