// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain
internal import HTTPForms
internal import JSON
internal import PostgresStorage

/// One call of an operation: the request, who makes it, and what to answer it with.
struct APICall: Sendable {
    var request: APIRequest
    var caller: Caller
    /// From the path, by name.
    var path: [String: String]
    var region: RegionContext
    /// When the request came.
    var now: Timestamp

    var store: Store { self.region.store }

    /// The operation's parameters: those of the query, then those of the body, without `op` and OAuth's.
    var form: Form

    init(request: APIRequest, caller: Caller, path: [String: String], region: RegionContext, now: Timestamp) {
        self.request = request
        self.caller = caller
        self.path = path
        self.region = region
        self.now = now
        self.form = Form(fields: (request.query.fields + request.form.fields).filter { $0.name != "op" && !$0.name.hasPrefix("oauth_") })
    }

    /// The user of an operation that has one.
    var user: User {
        get throws {
            guard let user = self.caller.user else { throw APIFailure.unauthorized() }
            return user
        }
    }

    /// A parameter that has to be there and not be empty.
    func required(_ name: String) throws -> String {
        guard let text = self.form.text(name) else { throw APIFailure.required(name) }
        return text
    }

    /// A whole number, or nil when the parameter is absent; `4.0` is 4.
    func integer(_ name: String, in range: ClosedRange<Int> = 0...Int.max) throws -> Int? {
        guard let text = self.form.text(name) else { return nil }
        guard let value = Int(text) ?? Double(text).flatMap({ Int(exactly: $0) }) else {
            throw APIFailure.field(name, "'\(text.prefix(40))' is not a whole number.")
        }
        guard range.contains(value) else {
            throw APIFailure.field(name, "\(value) is out of range: expected \(range.lowerBound) to \(range.upperBound).")
        }
        return value
    }

    func boolean(_ name: String) throws -> Bool? {
        guard let text = self.form.text(name) else { return nil }
        guard let value = Form.boolean(text) else { throw APIFailure.field(name, "'\(text.prefix(40))' is not true or false.") }
        return value
    }

    func address(_ name: String) throws -> IPv4Address? {
        guard let text = self.form.text(name) else { return nil }
        guard let value = IPv4Address(text) else { throw APIFailure.field(name, "'\(text.prefix(40))' is not an IPv4 address such as 10.0.0.1.") }
        return value
    }

    /// The number in the path; anything else is no such thing.
    func pathNumber(_ name: String, _ what: String) throws -> Int {
        let text = self.path[name] ?? ""
        guard let number = Int(text) else { throw APIFailure.notFound("There is no \(what) '\(text.prefix(80))'.") }
        return number
    }

    /// The path's `system_id`.
    var systemID: SystemID {
        get throws {
            let text = self.path["system_id"] ?? ""
            guard let id = SystemID(text) else { throw APIFailure.notFound("There is no machine '\(text.prefix(80))'.") }
            return id
        }
    }
}
