// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import HTTPClient
public import JSON

/// Speaks MAAS's API 2.0 with an API key.
public struct GantryClient: Sendable {
    public let profile: Profile
    private let http: HTTPClient

    public init(profile: Profile, http: HTTPClient = HTTPClient()) {
        self.profile = profile
        self.http = http
    }

    /// Reads a resource below `api/2.0/`.
    ///
    /// - Throws: `APIError` with the server's words, or `HTTPClientError` when it was not reached.
    public func get(_ path: String, _ query: [(String, String)] = []) async throws -> JSONValue {
        try await self.send("GET", path, query: query, form: nil)
    }

    /// Calls an operation, or creates when there is none.
    public func post(_ path: String, operation: String? = nil, _ form: [(String, String)] = []) async throws -> JSONValue {
        try await self.send("POST", path, query: operation.map { [("op", $0)] } ?? [], form: form)
    }

    public func put(_ path: String, _ form: [(String, String)]) async throws -> JSONValue {
        try await self.send("PUT", path, query: [], form: form)
    }

    public func delete(_ path: String) async throws {
        _ = try await self.send("DELETE", path, query: [], form: nil)
    }

    private func send(_ method: String, _ path: String, query: [(String, String)], form: [(String, String)]?) async throws -> JSONValue {
        let request = self.request(method, path, query: query, form: form)
        let response = try await self.http.send(request)
        guard (200..<300).contains(response.status) else { throw APIError(status: response.status, body: response.body) }
        if response.body.isEmpty { return .null }
        if let value = try? JSONValue(parsing: response.body) { return value }  // plain text answers are values too
        return .string(String(decoding: response.body, as: UTF8.self))
    }

    /// The server's event stream, from the next event on.
    public func events(after id: Int? = nil) async throws -> HTTPStreamingResponse {
        var request = self.request("GET", "events/", query: [("op", "stream")], form: nil)
        request.timeout = .seconds(90)
        if let id { request.headers.append(HTTPHeader("Last-Event-ID", "\(id)")) }
        let response = try await self.http.open(request)
        guard response.status == 200 else { throw APIError(status: response.status, body: []) }
        return response
    }

    private func request(_ method: String, _ path: String, query: [(String, String)], form: [(String, String)]?) -> HTTPRequest {
        var url = "\(self.profile.url)/api/2.0/\(path)"
        if !query.isEmpty { url += "?" + FormEncoding.encode(query) }
        var request = HTTPRequest(url: url)
        request.method = method
        request.headers = [
            HTTPHeader("Authorization", self.profile.authorization), HTTPHeader("Accept", "application/json"),
        ]
        if let form {
            request.headers.append(HTTPHeader("Content-Type", "application/x-www-form-urlencoded"))
            request.body = Array(FormEncoding.encode(form).utf8)
        }
        request.maximumResponseBytes = 256 * 1_048_576
        return request
    }
}
