// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// A whole answer.
public struct HTTPResponse: Sendable {
    /// The status code; 200 for a `file` URL.
    public var status: Int
    public var headers: [HTTPHeader]
    public var body: [UInt8]

    public init(status: Int, headers: [HTTPHeader], body: [UInt8]) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// The value of the first header of that name, in any case.
    public func header(_ name: String) -> String? { self.headers.value(of: name) }
}

/// An answer whose body still comes.
public struct HTTPStreamingResponse: Sendable {
    /// The status code; 200 for a `file` URL.
    public let status: Int
    public let headers: [HTTPHeader]
    /// To be read by one task, once. Letting go of it ends the exchange.
    public let body: HTTPByteStream

    /// The value of the first header of that name, in any case.
    public func header(_ name: String) -> String? { self.headers.value(of: name) }
}

extension [HTTPHeader] {
    func value(of name: String) -> String? {
        let wanted = name.lowercased()
        return self.first { $0.name.lowercased() == wanted }?.value
    }
}
