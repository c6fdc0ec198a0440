// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain
internal import HTTPForms
internal import Logging

/// Leads a request to its handler: finds the operation, finds out who calls, reads the body within its limit, runs it.
struct Dispatcher: Sendable {
    private let region: RegionContext
    private let routes: RouteTable
    private let describe: Describe
    private let authenticator: Authenticator
    private let metadata: MetadataAPI

    init(region: RegionContext) {
        self.region = region
        let resources = AllResources.table
        self.describe = Describe(resources)
        self.routes = RouteTable(resources)
        self.authenticator = Authenticator(store: region.store)
        self.metadata = MetadataAPI(region: region)
    }

    /// Sent with each answer of the API.
    var hash: String { self.describe.hash }

    /// Answers a request.
    ///
    /// - Parameter readBody: reads the body up to so many bytes; throws `APIFailure` 413 beyond.
    func respond(to request: APIRequest, readBody: (_ limit: Int) async throws -> [UInt8]) async -> APIResponse {
        do {
            return try await self.route(request, readBody: readBody)
        } catch {
            return ProblemDetails.response(to: error, logger: self.region.logger, uri: request.uri)
        }
    }

    private func route(_ request: APIRequest, readBody: (Int) async throws -> [UInt8]) async throws -> APIResponse {
        var segments = request.segments[...]
        if request.origin.isRack, segments.count == 2, segments.first == "images" {
            return try self.image(request, segments[segments.startIndex + 1])
        }
        guard segments.popFirst() == "MAAS" else { throw APIFailure.notFound("There is nothing here; the API is below /MAAS/api/2.0/.") }
        switch segments.popFirst() {
        case "api": return try await self.api(request, segments, readBody: readBody)
        case "metadata":
            return try await self.metadata.respond(to: request, segments, authenticate: self.authenticate, readBody: readBody)
        case "accounts" where Array(segments) == ["authenticate"]: return try await self.logIn(request, readBody: readBody)
        default: throw APIFailure.notFound("Unknown API endpoint: \(request.rawPath.prefix(200))")
        }
    }

    private func api(
        _ request: APIRequest, _ segments: ArraySlice<String>, readBody: (Int) async throws -> [UInt8]
    ) async throws -> APIResponse {
        var segments = segments
        switch segments.popFirst() {
        case "2.0": break
        case "version" where segments.isEmpty: return .text("2.0")
        case "1.0": throw APIFailure(status: 410, content: .text("The 1.0 API is no longer available. Please use API version 2.0."))
        default: throw APIFailure.notFound("Unknown API endpoint: \(request.rawPath.prefix(200))")
        }
        var request = request
        var op = request.query.text("op")
        if let last = segments.last, last.hasPrefix("op-"), segments.count > 1 {
            op = op ?? String(last.dropFirst(3))
            segments.removeLast()
        }
        if Array(segments) == ["describe"] { return try self.describe(request) }
        guard let match = self.routes.match(segments) else { throw APIFailure.notFound("Unknown API endpoint: \(request.rawPath.prefix(200))") }
        // A header's signature is checked before the body is read, so that strangers can't make us read.
        let isOpen = match.resource.actions.contains { $0.method == request.method && $0.op == op && $0.access == .anonymous }
        var caller = isOpen ? nil : try await self.callerByHeader(request)
        try await self.load(&request, limit: self.region.limits.maximumBodyBytes, readBody: readBody)
        if op == nil, request.method == "POST" { op = request.form.text("op") }
        let action = try self.action(of: match.resource, method: request.method, op: op)
        switch action.access {
        case .anonymous: caller = .anonymous
        case .optional, .user, .administrator:
            if caller == nil { caller = try await self.authenticate(request) }
            try self.authorize(caller ?? .anonymous, for: action)
        }
        let call = APICall(
            request: request, caller: caller ?? .anonymous, path: match.parameters, region: self.region, now: self.region.clock()
        )
        return try await action.run(call)
    }

    private func action(of resource: Resource, method: String, op: String?) throws -> Action {
        let method = method == "HEAD" ? "GET" : method
        if let action = resource.actions.first(where: { $0.method == method && $0.op == op }) { return action }
        if let op { throw APIFailure.badRequest("Unrecognised signature: method=\(method) op=\(op.prefix(80))") }
        let methods = Set(resource.actions.filter { $0.op == nil }.map(\.method)).sorted()
        throw APIFailure(
            status: 405,
            content: .text("Method Not Allowed: expected \(methods.isEmpty ? "an operation (?op=…)" : methods.joined(separator: ", "))."),
            headers: [("Allow", methods.joined(separator: ", "))]
        )
    }

    private func authorize(_ caller: Caller, for action: Action) throws {
        switch (caller, action.access) {
        case (.machine, _): throw APIFailure.unauthorized("This key is a machine's: it is good for the metadata service only.")
        case (.anonymous, .user), (.anonymous, .administrator):
            throw APIFailure.unauthorized("Unrecognised signature: this needs an API key.")
        case (.user(let user), .administrator) where !user.isSuperuser: throw APIFailure.forbidden("Forbidden: this needs an administrator.")
        default: break
        }
    }

    // MARK: credentials and bodies

    private func callerByHeader(_ request: APIRequest) async throws -> Caller? {
        guard let header = request.headers["authorization"], let parameters = try OAuthParameters.header(header),
            parameters.signatureMethod == .plaintext
        else { return nil }
        return try await self.authenticator.caller(of: parameters, request: request)
    }

    /// Who signed the request, in its header, its query or its form; anonymous when nobody did.
    func authenticate(_ request: APIRequest) async throws -> Caller {
        if let header = request.headers["authorization"], let parameters = try OAuthParameters.header(header) {
            return try await self.authenticator.caller(of: parameters, request: request)
        }
        guard let parameters = try OAuthParameters.fields(request.query.fields) ?? OAuthParameters.fields(request.form.fields) else {
            return .anonymous
        }
        return try await self.authenticator.caller(of: parameters, request: request)
    }

    private func load(_ request: inout APIRequest, limit: Int, readBody: (Int) async throws -> [UInt8]) async throws {
        request.body = try await readBody(limit)
        request.form = try Form(contentType: request.contentType, body: request.body, limits: self.region.limits.form)
    }

    // MARK: what is no resource

    private func describe(_ request: APIRequest) throws -> APIResponse {
        guard request.method == "GET" || request.method == "HEAD" else { throw APIFailure(status: 405, content: .text("Method Not Allowed")) }
        return .json(self.describe.document(base: request.baseURL))
    }

    private func image(_ request: APIRequest, _ digest: String) throws -> APIResponse {
        guard request.method == "GET" || request.method == "HEAD" else { throw APIFailure(status: 405, content: .text("Method Not Allowed")) }
        guard digest.utf8.count == 64, digest.utf8.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
            let path = self.region.services.imagePath(sha256: digest.lowercased())
        else { throw APIFailure.notFound("This region has no content \(digest.prefix(80)).") }
        var response = APIResponse(contentType: "application/octet-stream", body: [])
        response.body = .file(path: path, offset: Self.offset(request.headers["range"]))
        return response
    }

    /// The start of an open range, `bytes=N-`: what resumed downloads send. Other ranges get the whole, as RFC 9110, section 14.2 allows.
    private static func offset(_ range: String?) -> Int {
        guard let range, range.hasPrefix("bytes="), range.hasSuffix("-") else { return 0 }
        return Int(range.dropFirst(6).dropLast()).map { max(0, $0) } ?? 0
    }

    private func logIn(_ request: APIRequest, readBody: (Int) async throws -> [UInt8]) async throws -> APIResponse {
        guard request.method == "POST" else { throw APIFailure(status: 405, content: .text("Method Not Allowed"), headers: [("Allow", "POST")]) }
        var request = request
        try await self.load(&request, limit: 65536, readBody: readBody)
        return try await AccountHandlers.authenticate(
            APICall(request: request, caller: .anonymous, path: [:], region: self.region, now: self.region.clock())
        )
    }
}
