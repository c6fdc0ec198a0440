// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import HTTPClient
import HTTPForms
import JSON
import RegionAPI
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct ProtocolTests {
    @Test func `all forms of bodies are understood`() async throws {
        try await TestRegion.run { region in
            func post(_ contentType: String?, _ body: String, to path: String = "zones/") async throws -> HTTPResponse {
                var headers = [HTTPHeader("Authorization", TestRegion.oauth(region.admin))]
                if let contentType { headers.append(HTTPHeader("Content-Type", contentType)) }
                return try await region.client.send(
                    HTTPRequest(method: "POST", url: region.url("/MAAS/api/2.0/\(path)"), headers: headers, body: Array(body.utf8))
                )
            }
            #expect(try await post("application/x-www-form-urlencoded", "name=urlencoded&description=a+b").status == 200)
            let base64 =
                "--===============1==\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: form-data; name=\"name\"\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=\"utf-8\"\r\n\r\nbGlibWFhcw==\r\n\r\n--===============1==--"
            #expect(try await post("multipart/form-data; boundary=\"===============1==\"", base64).status == 200)
            let plain = "--b\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nansible\r\n--b--\r\n"
            #expect(try await post("multipart/form-data; boundary=b", plain).status == 200)
            #expect(try await post("application/json", "{\"name\": \"json\"}").status == 200)
            #expect(try await post(nil, "", to: "machines/?op=accept_all").status == 200)
            #expect(try await post("multipart/form-data; boundary=b", "--b\r\n\r\n--b--", to: "machines/?op=accept_all").status == 200)
            let names = try await region.json("GET", "zones/").arrayValue?.compactMap { $0["name"]?.stringValue } ?? []
            #expect(Set(names).isSuperset(of: ["urlencoded", "libmaas", "ansible", "json", "default"]))
        }
    }

    @Test func `errors have the status codes that clients tell apart`() async throws {
        try await TestRegion.run { region in
            let unknown = try await region.api("GET", "machines/?op=nonsense")
            #expect(unknown.status == 400)
            #expect(unknown.text == "Unrecognised signature: method=GET op=nonsense")
            let endpoint = try await region.api("GET", "no-such-thing/")
            #expect(endpoint.status == 404)
            #expect(endpoint.text.hasPrefix("Unknown API endpoint: /MAAS/api/2.0/no-such-thing/"))
            let method = try await region.api("PUT", "machines/")
            #expect(method.status == 405)
            #expect(method.header("Allow") == "GET, POST")
            let missing = try await region.api("POST", "zones/")
            #expect(missing.status == 400)
            #expect(try JSONValue(parsing: missing.body) == ["name": ["This field is required."]])
            _ = try await region.json("POST", "zones/", [("name", "z1")])
            let duplicate = try await region.api("POST", "zones/", [("name", "z1")])
            #expect(duplicate.status == 400)
            #expect(try JSONValue(parsing: duplicate.body)["name"]?.arrayValue?.count == 1)
            #expect(try await region.api("GET", "zones/nowhere/").status == 404)
            #expect(try await region.api("GET", "machines/4y3h7n/").status == 404)
            #expect(try await region.api("GET", "machines/!/").status == 404)
            let none = try await region.api("POST", "machines/?op=allocate", [("cpu_count", "4.0"), ("mem", "1024")])
            #expect(none.status == 409)
            #expect(none.text.hasPrefix("No available machine matches constraints: cpu_count=4 mem=1024"))
            #expect(try await region.api("POST", "machines/?op=allocate").text == "No machine available.")
            #expect(try await region.api("POST", "machines/?op=allocate", [("zone", "mars")]).status == 400)
            #expect(try await region.api("POST", "machines/?op=allocate", [("storage", "root:8(ssd)")]).status == 400)
            #expect(try await region.api("POST", "machines/?op=release", [("machines", "4y3h7n")]).status == 400)
            #expect(try await region.client.get(region.url("/MAAS/api/1.0/version/")).status == 410)
            #expect(try await region.client.get(region.url("/MAAS/api/version/")).text == "2.0")
            #expect(try await region.api("GET", "vm-hosts/").status == 410)
        }
    }

    @Test func `every answer has a content type, the date, and the hash of the description`() async throws {
        try await TestRegion.run { region in
            _ = try await region.json("POST", "zones/", [("name", "z1")])
            let gone = try await region.api("DELETE", "zones/z1/")
            #expect(gone.status == 204)
            #expect(gone.body.isEmpty)
            #expect(gone.header("Content-Type")?.hasPrefix("text/") == true)
            let describe = try await region.api("GET", "describe/", anonymous: true)
            #expect(describe.header("Content-Type") == "application/json")
            let document = try JSONValue(parsing: describe.body)
            #expect(document["hash"]?.stringValue == gone.header("X-MAAS-API-Hash"))
            #expect(gone.header("Date")?.hasSuffix(" GMT") == true)
        }
    }

    @Test func `repeated slashes, both slash forms, empty op and op as a suffix or a field`() async throws {
        try await TestRegion.run { region async throws in
            let token = [HTTPHeader("Authorization", TestRegion.oauth(region.admin))]
            #expect(try await region.client.get(region.url("/MAAS//api/2.0//zones//default/"), headers: token).status == 200)
            #expect(try await region.client.get(region.url("/MAAS/api/2.0/zones/default"), headers: token).status == 200)
            #expect(try await region.client.get(region.url("/MAAS/api/2.0/users/op-whoami"), headers: token).status == 200)
            #expect(try await region.client.get(region.url("/MAAS/api/2.0/scripts/maas-lshw"), headers: token).status == 200)
            #expect(try await region.client.get(region.url("/MAAS/api/2.0/scripts/maas-lshw/"), headers: token).status == 200)
            #expect(try await region.client.get(region.url("/MAAS/api/2.0/scripts/1"), headers: token).status == 200)
            #expect(try await region.api("POST", "zones/?op=", [("name", "empty-op")]).status == 200)
            #expect(try await region.api("POST", "machines/", [("op", "accept_all")]).status == 200)
        }
    }

    @Test func `numbers at the ends of their range and NULs in names are answered, and the region goes on`() async throws {
        try await TestRegion.run { region async throws in
            let token = [HTTPHeader("Authorization", TestRegion.oauth(region.admin))]
            for number in [Int.min, -1, 0, Int.max] {
                for place in ["scripts", "zones", "subnets", "vlans", "fabrics", "spaces", "ipranges", "boot-sources", "events"] {
                    let answer = try await region.client.get(region.url("/MAAS/api/2.0/\(place)/\(number)/"), headers: token)
                    // Some things have the number 0 or -1.
                    #expect([200, 404, 405].contains(answer.status), "\(place)/\(number) gave \(answer.status)")
                }
            }
            for uri in ["tags/a%00b/", "zones/a%00b/", "scripts/a%00b", "machines/%00/", "tags/%ff/"] {
                let answer = try await region.client.get(region.url("/MAAS/api/2.0/\(uri)"), headers: token)
                #expect(answer.status == 404, "\(uri) gave \(answer.status)")
            }
            #expect(try await region.api("POST", "tags/", [("name", "nul"), ("comment", "a\0b")]).status == 200)
        }
    }

    @Test func `the description names every handler and the parameters of each operation`() async throws {
        try await TestRegion.run { region in
            let document = try JSONValue(parsing: try await region.api("GET", "describe/", anonymous: true).body)
            let resources = try #require(document["resources"]?.arrayValue)
            let names = Set(resources.compactMap { $0["name"]?.stringValue })
            let wanted = [
                "MachinesHandler", "MachineHandler", "NodesHandler", "ZonesHandler", "ZoneHandler", "ResourcePoolsHandler", "ResourcePoolHandler",
                "TagsHandler",
                "TagHandler", "FabricsHandler", "FabricHandler", "VlansHandler", "VlanHandler", "SpacesHandler", "SpaceHandler", "SubnetsHandler",
                "SubnetHandler", "IPRangesHandler", "IPRangeHandler", "DomainsHandler", "DomainHandler", "EventsHandler", "BootResourcesHandler",
                "BootResourceHandler", "BootSourcesHandler", "BootSourceHandler", "RackControllersHandler", "RackControllerHandler",
                "RegionControllersHandler", "UsersHandler", "UserHandler", "AccountHandler", "SSHKeysHandler", "SSHKeyHandler", "VersionHandler",
                "MaasHandler", "InterfacesHandler", "InterfaceHandler", "BlockDevicesHandler", "BlockDeviceHandler", "DevicesHandler",
                "DiscoveriesHandler", "StaticRoutesHandler", "NodeScriptsHandler", "NodeScriptHandler", "NotificationsHandler",
                "PackageRepositoriesHandler",
            ]
            #expect(names.isSuperset(of: wanted), "missing: \(Set(wanted).subtracting(names))")
            for resource in resources {
                for kind in ["anon", "auth"] {
                    guard let handler = resource[kind], !handler.isNull else { continue }
                    for key in ["name", "doc", "params", "path", "uri", "actions"] {
                        #expect(handler[key] != nil, "\(resource["name"] ?? "") \(key)")
                    }
                    let path = handler["path"]?.stringValue ?? ""
                    let parameters = handler["params"]?.arrayValue?.compactMap(\.stringValue) ?? []
                    #expect(path.split(separator: "{").count - 1 == parameters.count)
                    #expect(handler["uri"]?.stringValue == "http://127.0.0.1:\(region.ports.plain)\(path)")
                    for action in handler["actions"]?.arrayValue ?? [] {
                        for key in ["name", "method", "op", "restful", "doc"] { #expect(action[key] != nil) }
                        #expect(action["restful"]?.boolValue == action["op"]?.isNull)
                    }
                }
            }
            let zones = resources.first { $0["name"] == "ZonesHandler" }
            let create = zones?["auth"]?["actions"]?.arrayValue?.first { $0["name"] == "create" }
            #expect(create?["doc"]?.stringValue?.contains("\n\n:param name: Required.") == true)
            #expect(resources.first { $0["name"] == "VersionHandler" }?["auth"]?.isNull == true)
            #expect(resources.first { $0["name"] == "MachinesHandler" }?["anon"]?["name"] == "AnonMachinesHandler")
        }
    }

    @Test func `without a database clients are told to come again, and are served when it is back`() async throws {
        let postgres = try await TestPostgres.start()
        try await TestRegion.run(postgres: postgres) { region in
            #expect(try await region.api("GET", "zones/").status == 200)
            try await postgres.stop()
            let answer = try await region.api("GET", "zones/")
            #expect(answer.status == 503)
            #expect(answer.header("Retry-After") == "5")
            #expect(try await region.api("GET", "version/", anonymous: true).status == 200)
            try await postgres.start()
            try await eventually("the API serves again") { try await region.api("GET", "zones/").status == 200 }
        }
    }

    @Test func `hostile requests get errors, and the server serves on`() async throws {
        try await TestRegion.run { region in
            let token = HTTPHeader("Authorization", TestRegion.oauth(region.admin))
            func post(_ type: String, _ body: [UInt8], _ path: String = "/MAAS/api/2.0/zones/") async throws -> Int {
                try await region.client.send(
                    HTTPRequest(method: "POST", url: region.url(path), headers: [token, HTTPHeader("Content-Type", type)], body: body)
                ).status
            }
            let many = Array((0..<10_000).map { "field\($0)=x" }.joined(separator: "&").utf8)
            #expect(try await post("application/x-www-form-urlencoded", many) == 400)
            #expect(try await post("multipart/form-data; boundary=b", Array("--b\r\nContent-Disposition".utf8)) == 400)
            #expect(try await post("multipart/form-data", Array("--b--".utf8)) == 400)
            #expect(try await post("application/json", Array("[[[[[[".utf8)) == 400)
            #expect(try await post("application/json", Array(String(repeating: "[", count: 100_000).utf8)) == 400)
            #expect(try await post("text/plain", [UInt8](repeating: 65, count: 1 << 21)) == 413)
            let deep = try await region.client.send(
                HTTPRequest(method: "GET", url: region.url("/MAAS/api/2.0/zones/%00%ff%2F..%2F/?op=%"), headers: [token])
            )
            #expect((400..<500).contains(deep.status))
            let badStamp = HTTPHeader(
                "Authorization",
                "OAuth oauth_consumer_key=a,oauth_token=b,oauth_signature_method=PLAINTEXT,oauth_signature=c,oauth_timestamp=now"
            )
            #expect(
                try await region.client.send(HTTPRequest(method: "GET", url: region.url("/MAAS/api/2.0/zones/"), headers: [badStamp])).status == 400)
            for _ in 0..<20 {
                let bytes = (0..<200).map { _ in UInt8.random(in: 0...255) }
                let status = try await post("multipart/form-data; boundary=b", bytes)
                #expect((400..<500).contains(status))
            }
            #expect(try await region.json("GET", "zones/").arrayValue?.count == 1)
        }
    }
}
