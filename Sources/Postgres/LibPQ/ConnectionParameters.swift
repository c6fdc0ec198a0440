// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import CLibPQ

/// A connection string, taken apart (PostgreSQL manual, 34.1.1 and 34.1.2).
struct ConnectionParameters: Sendable, Equatable {
    /// Keywords and their values, as given; what is absent is left to libpq's defaults.
    private(set) var values: [String: String]

    /// - Throws: ``PostgresError`` with code `connectionFailed` when libpq cannot parse the string.
    init(_ connection: String) throws {
        var message: UnsafeMutablePointer<CChar>?
        let parsed = unsafe PQconninfoParse(connection, &message)
        defer {
            unsafe PQfreemem(message)
            unsafe PQconninfoFree(parsed)
        }
        guard let options = unsafe parsed else {
            // libpq quotes the part that it could not parse, which may be the password: its words stay out of the error.
            throw PostgresError(.connectionFailed, "the connection string is neither a URL nor keywords that libpq understands")
        }
        self.values = [:]
        var index = 0
        while let keyword = unsafe options[index].keyword {
            if let value = unsafe options[index].val { unsafe self.values[String(cString: keyword)] = String(cString: value) }
            index += 1
        }
    }

    /// Sets a keyword that the connection string left open.
    mutating func setDefault(_ keyword: String, _ value: String) {
        if self.values[keyword] == nil { self.values[keyword] = value }
    }

    /// One place where a server may be.
    struct Candidate: Sendable, Hashable, CustomStringConvertible {
        var host: String
        /// The numeric address, if it is known.
        var address: String
        var port: String

        var description: String {
            "\(self.host.isEmpty ? "default host" : self.host)\(self.port.isEmpty ? "" : ":\(self.port)")"
        }

        /// Whether libpq would have to ask a name server, which blocks.
        var mustResolve: Bool {
            !self.host.isEmpty && !self.host.hasPrefix("/") && !self.host.hasPrefix("@") && self.address.isEmpty
                && !NameResolution.isNumeric(self.host)
        }
    }

    /// The hosts of a multi-host string, in order. We try them ourselves, one at a time: libpq has no time limit per host when it
    /// is driven without blocking, so one silent host would use up the whole deadline.
    ///
    /// `nil` when libpq must see all hosts at once (`prefer-standby` looks at each twice) or will refuse the string itself.
    var candidates: [Candidate]? {
        guard self.values["target_session_attrs"] != "prefer-standby", self.values["service"] == nil else { return nil }
        func list(_ keyword: String) -> [String] {
            guard let value = self.values[keyword], !value.isEmpty else { return [] }
            return value.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
        let hosts = list("host")
        let addresses = list("hostaddr")
        let ports = list("port")
        let count = max(hosts.count, addresses.count, 1)
        guard hosts.isEmpty || hosts.count == count, addresses.isEmpty || addresses.count == count,
            ports.count <= 1 || ports.count == count
        else { return nil }
        return (0..<count).map { index in
            Candidate(
                host: hosts.isEmpty ? "" : hosts[index],
                address: addresses.isEmpty ? "" : addresses[index],
                port: ports.isEmpty ? "" : ports.count == 1 ? ports[0] : ports[index]
            )
        }
    }

    /// The same parameters for one host only.
    func with(_ candidate: Candidate) -> ConnectionParameters {
        var parameters = self
        parameters.values["host"] = candidate.host.isEmpty ? nil : candidate.host
        parameters.values["hostaddr"] = candidate.address.isEmpty ? nil : candidate.address
        parameters.values["port"] = candidate.port.isEmpty ? nil : candidate.port
        return parameters
    }
}
