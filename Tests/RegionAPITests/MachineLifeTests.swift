// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import HTTPClient
import HTTPForms
import JSON
import Lifecycle
import PostgresStorage
import RegionAPI
import Testing

/// A machine's whole life, seen from the machine and from the operator, with every request over HTTP.
@Suite(.timeLimit(.minutes(5))) struct MachineLifeTests {
    static let mac = "52:54:00:00:00:21"
    static let address = "10.0.0.21"

    static let inventory = """
        {"resources": {"cpu": {"architecture": "x86_64", "sockets": [{"name": "QEMU CPU", "cores": [{"threads": [{"id": 0}]}, {"threads": [{"id": 1}]}]}], "total": 2},
        "memory": {"total": 2147483648}, "system": {"firmware": {"type": "uefi"}},
        "network": {"cards": [{"vendor": "Red Hat", "product": "Virtio", "ports": [{"id": "ens3", "address": "52:54:00:00:00:21", "protocol": "ethernet", "link_detected": true}]}], "total": 1},
        "storage": {"disks": [{"id": "vda", "model": "", "type": "virtio", "size": 6442450944, "serial": "disk-1", "block_size": 512, "read_only": false, "removable": false}], "total": 1}}}
        """

    static func multipart(_ fields: [(String, String)], files: [(String, [UInt8])] = []) -> (String, [UInt8]) {
        var body: [UInt8] = []
        for (name, value) in fields { body += "--b\r\nContent-Disposition: form-data; name=\"\(name)\"\r\n\r\n\(value)\r\n".utf8 }
        for (name, content) in files {
            body +=
                "--b\r\nContent-Disposition: form-data; name=\"\(name)\"; filename=\"\(name)\"\r\nContent-Type: application/octet-stream\r\n\r\n".utf8
            body += content + Array("\r\n".utf8)
        }
        return ("multipart/form-data; boundary=b", body + Array("--b--\r\n".utf8))
    }

    /// What the machine does.
    struct Node {
        let region: TestRegion
        var token: APIToken
        let id: SystemID

        func get(_ path: String) async throws -> HTTPResponse {
            try await self.region.forwarded("GET", "/MAAS/metadata//2012-03-01/\(path)", for: address, token: self.token)
        }

        func signal(_ fields: [(String, String)], files: [(String, [UInt8])] = []) async throws -> Int {
            let (type, body) = multipart([("op", "signal")] + fields, files: files)
            return try await self.region.forwarded(
                "POST", "/MAAS/metadata/2012-03-01/", for: address, token: self.token, contentType: type, body: body
            ).status
        }

        func status(_ message: JSONValue) async throws -> Int {
            try await self.region.forwarded(
                "POST", "/MAAS/metadata/status/\(self.id)", for: address, token: self.token, contentType: "application/json", body: message.bytes
            ).status
        }
    }

    static func preseed(_ region: TestRegion, _ id: SystemID, from address: String = address) async throws -> HTTPResponse {
        try await region.forwarded("GET", "/MAAS/metadata/latest/by-id/\(id)/?op=get_preseed", for: address)
    }

    static func node(_ region: TestRegion, _ id: SystemID) async throws -> Node {
        let answer = try await Self.preseed(region, id)
        guard answer.status == 200 else { throw UnexpectedStatus(answer, "preseed") }
        func value(_ key: String) -> String {
            answer.text.split(separator: "\"\(key)\":\"").dropFirst().first?.split(separator: "\"").first.map { String($0) } ?? ""
        }
        #expect(answer.text.hasPrefix("#cloud-config\n"))
        #expect(answer.text.contains("http://10.0.0.1:5248/MAAS/metadata/"))
        return Node(
            region: region,
            token: APIToken(consumerKey: value("consumer_key"), tokenKey: value("token_key"), tokenSecret: value("token_secret"), name: ""), id: id
        )
    }

    /// Runs all commissioning scripts with success.
    static func commission(_ node: Node) async throws {
        let archive = try await node.get("maas-scripts")
        #expect(archive.status == 200)
        #expect(archive.body.count % 512 == 0)
        let set = try #require(
            try await node.region.store.read { transaction in
                try await transaction.resultSets(of: node.id, kind: .commissioning).first
            })
        #expect(set.results.count >= 3)
        for result in set.results {
            #expect(archive.text.contains(result.name))
            #expect(
                try await node.signal([("status", "WORKING"), ("script_result_id", "\(result.id)"), ("error", "Starting \(result.name)")]) == 200)
            let isInventory = result.name == "20-maas-03-machine-resources"
            let output = isInventory ? Array(Self.inventory.utf8) : Array("fine\n".utf8)
            var fields = [("status", "WORKING"), ("script_result_id", "\(result.id)"), ("exit_status", "0"), ("runtime", "0.5")]
            if result.name == "30-maas-01-bmc-config" {
                fields += [
                    ("power_type", "ipmi"),
                    ("power_parameters", #"{"power_address": "10.0.0.99", "power_user": "maas", "power_pass": "bmc-secret"}"#),
                ]
            }
            #expect(try await node.signal(fields, files: [(result.name, output), ("\(result.name).out", output), ("\(result.name).err", [])]) == 200)
        }
        #expect(try await node.signal([("status", "OK")]) == 200)
        #expect(try await node.signal([("status", "OK")]) == 200, "a repeated report is no error")
    }

    @Test func `enlist, commission, allocate, deploy, release`() async throws {
        try await TestRegion.run { region in
            try await region.lease(Self.address, to: Self.mac)
            // Unknown machine: anonymous metadata, then it makes itself known.
            let enlistment = try await region.forwarded("GET", "/MAAS/metadata/latest/enlist-preseed/?op=get_enlist_preseed", for: Self.address)
            #expect(enlistment.text.contains("http://10.0.0.1:5248/MAAS/metadata/enlist/"))
            #expect(try await region.forwarded("GET", "/MAAS/metadata/enlist/2012-03-01/meta-data/instance-id", for: Self.address).status == 200)
            let agent = try await region.forwarded("GET", "/MAAS/metadata/enlist/2012-03-01/user-data", for: Self.address)
            #expect(agent.text.hasPrefix("#!/usr/bin/python3\n# gantry-agent\n"))
            let form = URLEncodedForm.encode([
                ("architecture", "amd64/generic"), ("hostname", ""), ("power_type", "manual"), ("power_parameters", "{}"), ("commission", "true"),
                ("mac_addresses", Self.mac),
            ])
            let type = "application/x-www-form-urlencoded"
            let answer = try await region.forwarded("POST", "/MAAS/api/2.0/machines/", for: Self.address, contentType: type, body: Array(form.utf8))
            #expect(answer.status == 200, "\(answer.text)")
            let machine = try JSONValue(parsing: answer.body)
            let id = try #require(machine["system_id"]?.stringValue.flatMap { SystemID($0) })
            #expect(machine["owner"] == nil)
            let again = try await region.forwarded("POST", "/MAAS/api/2.0/machines/", for: Self.address, contentType: type, body: Array(form.utf8))
            #expect(try JSONValue(parsing: again.body)["system_id"]?.stringValue == id.description)
            #expect(try await region.machine(id).status == .commissioning)

            // Its key is for its address only.
            #expect(try await Self.preseed(region, id, from: "10.0.0.22").status == 403)
            #expect(try await region.client.get(region.url("/MAAS/metadata/latest/by-id/\(id)/?op=get_preseed")).status == 403)
            let spoofed = try await region.client.get(
                region.url("/MAAS/metadata/latest/by-id/\(id)/?op=get_preseed"), headers: [HTTPHeader("X-Forwarded-For", Self.address)]
            )
            #expect(spoofed.status == 403)
            var node = try await Self.node(region, id)
            #expect(try await node.get("meta-data/instance-id").text == id.description)
            let name = try await region.machine(id).hostname
            #expect(try await node.get("meta-data/local-hostname").text == "\(name).maas")
            #expect(try await node.get("meta-data/nonsense").status == 404)
            #expect(try await node.get("user-data").text.hasPrefix("#!/usr/bin/python3"))
            #expect(try await node.signal([("status", "WORKING")]) == 200)
            try await Self.commission(node)
            try await region.observe(.power(.off), of: id)
            let ready = try await region.machine(id)
            #expect(ready.status == .ready)
            #expect(ready.cpuCount == 2)
            #expect(ready.blockDevices.map(\.serial) == ["disk-1"])
            #expect(ready.interfaces.first?.vlanID != nil)
            let power = try await region.store.read { try await $0.power(of: id) }
            #expect(power?.parameters["power_pass"] == "bmc-secret")
            #expect(try await node.signal([("status", "WORKING")]) == 409, "work that has ended is told so")

            // Allocate and deploy.
            let dry = try await region.json("POST", "machines/?op=allocate", [("dry_run", "true"), ("cpu_count", "2")])
            #expect(dry["status_name"] == "Ready")
            let allocated = try await region.json(
                "POST", "machines/?op=allocate",
                [("cpu_count", "2"), ("mem", "2048.0"), ("arch", "amd64"), ("agent_name", "juju"), ("verbose", "true")]
            )
            #expect(allocated["status_name"] == "Allocated")
            #expect(allocated["constraints_by_type"] == [:])
            #expect(allocated["owner"] == "admin")
            #expect(try await region.api("POST", "machines/?op=allocate").status == 409)
            #expect(try await region.json("GET", "machines/", [("agent_name", "juju")]).arrayValue?.count == 1)
            #expect(try await region.api("POST", "machines/\(id)/?op=deploy").status == 400, "no image yet")
            try await region.store.transaction { transaction in
                try await transaction.upsert([
                    BootAsset(
                        osystem: "debian", release: "bookworm", architecture: "amd64", subarchitecture: "generic", kind: .rootTarball,
                        name: "root.tar.zst",
                        version: "20260101", label: "stable", sizeBytes: 1000, sha256: String(repeating: "ab", count: 32), complete: true
                    )
                ])
            }
            #expect(try await region.api("POST", "machines/\(id)/?op=deploy", [("distro_series", "noble")]).status == 400)
            let deploying = try await region.json(
                "POST", "machines/\(id)/?op=deploy", [("distro_series", "bookworm"), ("user_data", Base64.encode("#cloud-config\n{}\n".utf8))]
            )
            #expect(deploying["status_name"] == "Deploying")
            #expect(try await node.get("meta-data/instance-id").status == 401, "a new deployment has a new key")
            #expect(try await Self.preseed(region, id).status == 404, "it is not told to boot yet")
            try await region.observe(.power(.on), of: id)
            node = try await Self.node(region, id)
            #expect(try await node.get("user-data").text.hasPrefix("#!/usr/bin/python3"))
            let plan = try JSONValue(parsing: try await node.get("gantry/plan").body)
            let steps = try #require(plan["steps"]?.arrayValue)
            let fetch = try #require(steps.first { $0["kind"] == "fetch_image" })
            #expect(fetch["url"]?.stringValue == "http://10.0.0.1:5248/images/\(String(repeating: "ab", count: 32))/root.tar.zst")
            let begin: JSONValue = [
                "name": "cmd-install", "description": "9 steps", "event_type": "start", "origin": "gantry-agent", "timestamp": 1.5,
            ]
            #expect(try await node.status(begin) == 204)
            let cloudInit: JSONValue = [
                "name": "init-local", "description": "searching", "event_type": "start", "origin": "cloudinit", "timestamp": 1.5,
            ]
            #expect(try await node.status(cloudInit) == 204)
            let end: JSONValue = [
                "name": "cmd-install", "description": "all steps are done", "event_type": "finish", "result": "SUCCESS", "origin": "gantry-agent",
                "timestamp": 2,
            ]
            #expect(try await node.status(end) == 204)
            let (multipartType, body) = Self.multipart([("op", "netboot_off")])
            let off = try await region.forwarded(
                "POST", "/MAAS/metadata/2012-03-01/?op=netboot_off", for: Self.address, token: node.token, contentType: multipartType, body: body
            )
            #expect(off.status == 200)
            let userData = try await node.get("user-data")
            #expect(userData.text == "#cloud-config\n{}\n")
            #expect(try await region.json("GET", "machines/\(id)/")["status_name"] == "Deployed")
            let results = try await region.json("GET", "nodes/\(id)/results/", [("type", "installation"), ("include_output", "true")])
            #expect(results.arrayValue?.first?["results"]?.arrayValue?.first?["status_name"] == "Passed")
            let current = try await region.json("GET", "nodes/\(id)/results/current-commissioning/")
            #expect(current["status_name"] == "Passed")

            // Locked machines stay.
            #expect(try await region.json("POST", "machines/\(id)/?op=lock")["locked"] == true)
            #expect(try await region.api("POST", "machines/?op=release", [("machines", "\(id)")]).status == 409)
            #expect(try await region.api("POST", "machines/\(id)/?op=unlock").status == 200)

            // Release with erasing, and its certificates.
            let erasing = try await region.json("POST", "machines/\(id)/?op=release", [("erase", "true"), ("quick_erase", "true")])
            #expect(erasing["status_name"] == "Disk erasing")
            #expect(try await node.get("user-data").status == 401)
            try await region.observe(.power(.on), of: id)
            node = try await Self.node(region, id)
            _ = try await node.get("user-data")
            let erasePlan = try JSONValue(parsing: try await node.get("gantry/plan").body)
            #expect(erasePlan["steps"]?.arrayValue?.first?["mode"] == "quick")
            let result: JSONValue = [
                "disk": "/dev/vda", "serial": "disk-1", "model": "", "size_bytes": 6_442_450_944, "method": "quick", "verified": true,
                "bytes_verified": 4_194_304, "duration": 1.5, "standard": "none: only the ends and the signatures",
                "verification": "all that was overwritten is zero", "started": "2026-01-01T00:00:00Z", "agent_version": "2",
                "not_used": ["secure erase: the disk is neither NVMe nor ATA", 5],
            ]
            let report: JSONValue = [
                "name": "cmd-erase/stage-verify", "description": "read back", "event_type": "finish", "result": "SUCCESS", "origin": "gantry-agent",
                "timestamp": 3,
                "files": [["path": "erase-result", "encoding": "base64", "content": .string(Base64.encode(result.bytes))]],
            ]
            #expect(try await node.status(report) == 204)
            #expect(try await node.status(report) == 204)
            #expect(try await node.signal([("status", "OK")]) == 200)
            let certificates = try await region.json("GET", "machines/\(id)/?op=erase_certificates")
            #expect(certificates.arrayValue?.count == 1)
            #expect(certificates.arrayValue?.first?["verified_bytes"] == 4_194_304)
            #expect(certificates.arrayValue?.first?["standard"] == "none: only the ends and the signatures")
            #expect(certificates.arrayValue?.first?["not_used"] == ["secure erase: the disk is neither NVMe nor ATA"])
            #expect(certificates.arrayValue?.first?["finished"] == .null)
            try await region.observe(.power(.off), of: id)
            let free = try await region.json("GET", "machines/\(id)/")
            #expect(free["status_name"] == "Ready")
            #expect(free["owner"] == .null)
            // A machine that boots with nothing to do switches itself off, without a key.
            let idle = try await Self.preseed(region, id)
            #expect(idle.status == 200)
            #expect(idle.text.contains("/MAAS/metadata/poweroff/"))
            #expect(!idle.text.contains("token_secret"))

            let timeline = try #require(try await region.json("GET", "machines/\(id)/?op=timeline").arrayValue)
            let ids = timeline.compactMap { $0["id"]?.intValue }
            #expect(ids == ids.sorted())
            let types = Set(timeline.compactMap { $0["type"]?.stringValue })
            #expect(
                types.isSuperset(of: [
                    "Enlisted", "Preseed requested", "Script result", "Ready", "Allocated", "Deploying", "Deployed", "Disks erased",
                ]), "\(types)")
            let query = try await region.json("GET", "events/?op=query", [("id", "\(id)"), ("limit", "5")])
            #expect(query["count"] == 5)
            let newest = query["events"]?.arrayValue?.first?["id"]?.intValue ?? 0
            #expect(query["next_uri"]?.stringValue?.contains("after=\(newest)") == true)
            #expect(query["events"]?.arrayValue?.first?["created"]?.stringValue?.contains(". 20") == true)
        }
    }

    @Test func `failures are told with their reason`() async throws {
        try await TestRegion.run { region in
            try await region.lease(Self.address, to: Self.mac)
            let machine = try await region.json(
                "POST", "machines/", [("architecture", "amd64"), ("mac_addresses", Self.mac), ("hostname", "unlucky")])
            #expect(machine["status_name"] == "Commissioning")
            let id = try #require(machine["system_id"]?.stringValue.flatMap { SystemID($0) })
            try await region.observe(.power(.on), of: id)
            let node = try await Self.node(region, id)
            let set = try #require(try await region.store.read { try await $0.resultSets(of: id).first })
            let first = try #require(set.results.first { $0.name == "20-maas-03-machine-resources" })
            #expect(
                try await node.signal(
                    [("status", "WORKING"), ("script_result_id", "\(first.id)"), ("exit_status", "0")], files: [(first.name, Array("{}".utf8))])
                    == 200)
            #expect(try await node.signal([("status", "WORKING"), ("script_result_id", "999999"), ("exit_status", "0")]) == 400)
            #expect(try await node.signal([("status", "WORKING"), ("script_result_id", "\(first.id)"), ("exit_status", "lots")]) == 400)
            #expect(try await node.signal([("status", "NONSENSE")]) == 400)
            #expect(try await node.signal([]) == 400)
            for nonsense in ["", "{", "[]", "{\"name\": 1}", "{\"name\":\"a\",\"event_type\":\"never\",\"origin\":\"b\"}"] {
                let answer = try await region.forwarded(
                    "POST", "/MAAS/metadata/status/\(id)", for: Self.address, token: node.token, contentType: "application/json",
                    body: Array(nonsense.utf8)
                )
                #expect(answer.status == 400, "\(nonsense)")
            }
            #expect(try await node.signal([("status", "OK")]) == 200)
            let failed = try await region.json("GET", "machines/\(id)/")
            #expect(failed["status_name"] == "Failed commissioning")
            #expect(failed["error_description"]?.stringValue?.contains("20-maas-03-machine-resources") == true)
            #expect(try await region.api("POST", "machines/\(id)/?op=deploy").status == 400)
            #expect(try await region.api("POST", "machines/\(id)/?op=release").status == 409)
            let broken = try await region.json("POST", "machines/\(id)/?op=mark_broken", [("comment", "fan")])
            #expect(broken["status_name"] == "Broken")
            #expect(try await region.json("POST", "machines/\(id)/?op=mark_fixed")["status_name"] == "New")
            #expect(try await region.api("POST", "machines/\(id)/?op=power_on").status == 409, "it has no BMC")
            #expect(try await region.api("DELETE", "machines/\(id)/").status == 204)
        }
    }

    @Test func `the rack listener serves images and wants a certificate`() async throws {
        try await TestRegion.run { region in
            let digest = String(repeating: "ab", count: 32)
            let image = try await region.forwarded("GET", "/images/\(digest)", for: Self.address)
            #expect(image.status == 200)
            #expect(image.text.hasPrefix("-----BEGIN CERTIFICATE-----"))
            #expect(try await region.forwarded("GET", "/images/\(String(repeating: "cd", count: 32))", for: Self.address).status == 404)
            #expect(try await region.client.get(region.url("/images/\(digest)")).status == 404)
            await #expect(throws: (any Error).self) {
                try await region.client.send(
                    HTTPRequest(
                        method: "GET", url: "https://127.0.0.1:\(region.ports.rack ?? 0)/images/\(digest)",
                        certificateAuthorities: "\(region.folder)/ca.pem"
                    )
                )
            }
        }
    }
}
