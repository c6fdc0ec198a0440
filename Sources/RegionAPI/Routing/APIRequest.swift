// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain
internal import HTTPForms

/// A request, as handlers see it.
struct APIRequest: Sendable {
    /// How the request reached this region.
    struct Origin: Sendable {
        /// Whether it came over the racks' listener, with a certificate.
        var isRack: Bool
        /// The peer's address.
        var peer: String
    }

    var method: String
    /// As it was sent, with the query.
    var uri: String
    /// The segments of the path, percent-decoded, empty ones left out.
    var segments: [String]
    /// The path without query, as it was sent.
    var rawPath: String
    var query: Form
    /// By name in lower case; of a repeated one the first.
    var headers: [String: String]
    var origin: Origin
    var contentType: String?
    var body: [UInt8] = []
    var form = Form()

    init(method: String, uri: String, headers: [String: String], origin: Origin, limits: FormLimits) throws(FormError) {
        self.method = method
        self.uri = uri
        self.headers = headers
        self.origin = origin
        self.contentType = headers["content-type"]
        let bytes = Array(uri.utf8)
        let pathEnd = bytes.firstIndex { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") } ?? bytes.count
        let path = bytes[..<pathEnd]
        let queryEnd = bytes.firstIndex(of: UInt8(ascii: "#")) ?? bytes.count
        self.rawPath = String(decoding: path, as: UTF8.self)
        self.segments = path.split(separator: UInt8(ascii: "/")).map { String(outside: PercentCoding.decode($0)) }
        self.query = Form(fields: try URLEncodedForm.parse(bytes[min(pathEnd + 1, queryEnd)..<queryEnd], limits: limits))
    }

    /// `http://HOST:PORT` as the client named this server; racks say what machines reach them as.
    var baseURL: String {
        if self.origin.isRack, let service = self.headers["x-gantry-service"], Self.isBaseURL(service) { return service }
        let scheme = self.headers["x-forwarded-proto"] == "https" ? "https" : "http"
        let host = self.headers["host"] ?? "localhost"
        return Self.isBaseURL("\(scheme)://\(host)") ? "\(scheme)://\(host)" : "http://localhost"
    }

    /// The machine that a rack forwards for; nil for what did not come from a rack.
    var forwardedAddress: IPv4Address? {
        guard self.origin.isRack, let text = self.headers["x-forwarded-for"] else { return nil }
        return IPv4Address(text.filter { $0 != " " })
    }

    /// Whether the text can stand in generated documents: no white space, quotation marks or control characters.
    private static func isBaseURL(_ text: String) -> Bool {
        guard text.hasPrefix("http://") || text.hasPrefix("https://"), text.utf8.count <= 255 else { return false }
        return text.utf8.allSatisfy {
            switch $0 {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: ":"), UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "["),
                UInt8(ascii: "]"):
                true
            default: false
            }
        }
    }
}
