// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import HTTPClient
import JSON
import RegionAPI
import Testing

@Suite(.timeLimit(.minutes(5))) struct NetworkTests {
    @Test func `networks are made, found in every way, and taken away`() async throws {
        try await TestRegion.run { region in
            #expect(try await region.json("GET", "fabrics/0/")["vlans"]?.arrayValue?.first?["vid"] == 0)
            let fabric = try await region.json("POST", "fabrics/", [("name", "leaf-1")])
            let fabricID = try #require(fabric["id"]?.intValue)
            let vlan = try await region.json(
                "POST", "fabrics/\(fabricID)/vlans/", [("vid", "100"), ("name", "prod"), ("mtu", "9000"), ("dhcp_on", "false")])
            let vlanID = try #require(vlan["id"]?.intValue)
            #expect(vlan["fabric"] == "leaf-1")
            MachineShapeTests.check(vlan, MachineShapeTests.vlan, "vlan")
            let changed = try await region.json("PUT", "fabrics/leaf-1/vlans/100/", [("dhcp_on", "True"), ("description", "x")])
            #expect(changed["dhcp_on"] == true)
            #expect(try await region.json("GET", "vlans/\(vlanID)/")["dhcp_on"] == true)
            let subnet = try await region.json(
                "POST", "subnets/",
                [("cidr", "10.1.0.0/24"), ("vlan", "\(vlanID)"), ("gateway_ip", "10.1.0.1"), ("dns_servers", "10.1.0.2 10.1.0.3")]
            )
            MachineShapeTests.check(subnet, MachineShapeTests.subnet, "subnet")
            #expect(subnet["name"] == "10.1.0.0/24")
            #expect(subnet["dns_servers"] == ["10.1.0.2", "10.1.0.3"])
            let id = try #require(subnet["id"]?.intValue)
            for path in ["subnets/\(id)/", "subnets/10.1.0.0%2F24/", "subnets/10.1.0.0/24/", "subnets//\(id)/"] {
                #expect(try await region.json("GET", path)["id"]?.intValue == id, "\(path)")
            }
            let range = try await region.json(
                "POST", "ipranges/", [("type", "dynamic"), ("start_ip", "10.1.0.100"), ("end_ip", "10.1.0.199"), ("comment", "c")])
            #expect(range["subnet"]?["id"]?.intValue == id)
            #expect(range["user"]?["username"] == "admin")
            #expect(
                try await region.api("POST", "ipranges/", [("type", "reserved"), ("start_ip", "10.1.0.150"), ("end_ip", "10.1.0.160")]).status == 400)
            let statistics = try await region.json("GET", "subnets/\(id)/?op=statistics")
            #expect(statistics["total_addresses"] == 254)
            #expect(statistics["num_unavailable"] == 103)
            let free = try await region.json("GET", "subnets/\(id)/?op=unreserved_ip_ranges")
            #expect(
                free == [
                    ["start": "10.1.0.4", "end": "10.1.0.99", "num_addresses": 96],
                    ["start": "10.1.0.200", "end": "10.1.0.254", "num_addresses": 55],
                ])
            let reserved = try await region.json("GET", "subnets/\(id)/?op=reserved_ip_ranges")
            #expect(reserved.arrayValue?.last?["purpose"] == ["dynamic"])
            #expect(try await region.json("GET", "subnets/\(id)/?op=ip_addresses") == [])
            let put = try await region.json("PUT", "subnets/\(id)/", [("gateway_ip", ""), ("managed", "false")])
            #expect(put["gateway_ip"] == .null)
            #expect(put["managed"] == false)
            #expect(try await region.api("POST", "subnets/", [("cidr", "10.1.0.0/16")]).status == 400)
            #expect(try await region.api("POST", "subnets/", [("cidr", "10.1.0.7/24")]).status == 400)
            let space = try await region.json("POST", "spaces/", [("name", "dmz")])
            _ = try await region.json("PUT", "vlans/\(vlanID)/", [("space", "dmz")])
            let spaces = try #require(try await region.json("GET", "spaces/").arrayValue)
            #expect(spaces.last?["name"] == "undefined")
            #expect(spaces.last?["id"] == -1)
            #expect(spaces.first?["subnets"]?.arrayValue?.count == 1)
            #expect(space["resource_uri"] != nil)
            #expect(try await region.json("GET", "subnets/\(id)/")["space"] == "dmz")
            #expect(try await region.api("DELETE", "fabrics/\(fabricID)/").status == 400)
            #expect(try await region.api("DELETE", "ipranges/\(range["id"]?.intValue ?? 0)/").status == 204)
            #expect(try await region.api("DELETE", "subnets/\(id)/").status == 204)
            #expect(try await region.api("DELETE", "fabrics/\(fabricID)/").status == 204)
            #expect(try await region.json("GET", "domains/").arrayValue?.first?["is_default"] == true)
        }
    }

    @Test func `pools, settings, boot sources, controllers and empty lists`() async throws {
        try await TestRegion.run { region in
            #expect(try await region.json("GET", "resourcepool/0/")["name"] == "default")
            #expect(try await region.json("GET", "resourcepool/default/")["id"] == 0)
            let pool = try await region.json("POST", "resourcepools/", [("name", "gpu")])
            #expect(try await region.json("PUT", "resourcepool/\(pool["id"]?.intValue ?? 0)/", [("description", "big")])["description"] == "big")
            #expect(try await region.api("DELETE", "resourcepool/gpu/").status == 204)
            #expect(try await region.api("POST", "maas/?op=set_config", [("name", "kernel_opts"), ("value", "quiet")]).text == "OK")
            #expect(try await region.json("GET", "maas/?op=get_config", [("name", "kernel_opts")]) == "quiet")
            #expect(try await region.api("GET", "maas/?op=get_config", [("name", "nonsense")]).status == 400)
            #expect(try await region.api("POST", "maas/?op=set_config", [("name", "node_timeout"), ("value", "many")]).status == 400)
            let source = try await region.json("POST", "boot-sources/", [("url", "http://example.com/images"), ("keyring_data", "a2V5")])
            #expect(source["created"]?.stringValue?.count == 23)
            #expect(source["keyring_data"] == "a2V5")
            #expect(try await region.api("POST", "boot-resources/?op=import").status == 200)
            #expect(try await region.json("GET", "boot-resources/?op=is_importing") == true)
            let progress = try await region.json("GET", "boot-resources/?op=import_progress")
            #expect(progress["bytes_done"]?.intValue == 10 && progress["bytes_total"]?.intValue == 40)
            #expect(progress["current"]?.stringValue == "squashfs")
            #expect(try await region.api("POST", "boot-resources/?op=stop_import").status == 200)
            #expect(try await region.json("GET", "rackcontrollers/?op=describe_power_types").arrayValue?.count == 2)
            for path in [
                "devices/", "discovery/", "dnsresources/", "static-routes/", "notifications/", "package-repositories/", "rackcontrollers/",
                "regioncontrollers/", "boot-resources/", "commissioning-results/", "files/", "license-keys/", "dhcp-snippets/",
            ] {
                #expect(try await region.json("GET", path) == [], "\(path)")
            }
            #expect((try await region.json("GET", "scripts/").arrayValue ?? []).count >= 3)
        }
    }

    @Test func `IPv6 subnets are made, found, changed and taken away beside the others`() async throws {
        try await TestRegion.run { region in
            let subnet = try await region.json(
                "POST", "subnets/", [("cidr", "fd99::/64"), ("dns_servers", "fd99::1 fd99::2"), ("allow_dns", "true"), ("rdns_mode", "0")])
            MachineShapeTests.check(subnet, MachineShapeTests.subnet, "subnet")
            #expect(subnet["name"] == "fd99::/64" && subnet["cidr"] == "fd99::/64" && subnet["rdns_mode"] == 0)
            #expect(subnet["dns_servers"] == ["fd99::1", "fd99::2"] && subnet["router_advertisements"] == false)
            let id = try #require(subnet["id"]?.intValue)
            _ = try await region.json("POST", "subnets/", [("cidr", "10.1.0.0/24")])
            let names = try await region.json("GET", "subnets/").arrayValue?.compactMap { $0["cidr"]?.stringValue }
            #expect(names == ["10.1.0.0/24", "fd99::/64"])
            for path in ["subnets/\(id)/", "subnets/fd99::%2F64/", "subnets/fd99::/64/"] {
                #expect(try await region.json("GET", path)["id"]?.intValue == id, "\(path)")
            }
            let put = try await region.json(
                "PUT", "subnets/\(id)/", [("gateway_ip", "fd99::fe"), ("router_advertisements", "true"), ("name", "lab six"), ("managed", "false")])
            #expect(put["gateway_ip"] == "fd99::fe" && put["router_advertisements"] == true && put["managed"] == false)
            #expect(try await region.json("GET", "subnets/\(id)/")["name"] == "lab six")
            for (field, value) in [
                ("cidr", "fd99:0:0:0:8000::/80"), ("cidr", "fd98::1/64"), ("cidr", "fd99::/60"), ("cidr", "10.1.0.0/16"),
            ] {
                #expect(try await region.api("POST", "subnets/", [(field, value)]).status == 400, "\(value)")
            }
            for (field, value) in [("gateway_ip", "fd98::1"), ("gateway_ip", "10.1.0.1"), ("dns_servers", "10.1.0.1")] {
                #expect(try await region.api("PUT", "subnets/\(id)/", [(field, value)]).status == 400, "\(value)")
            }
            #expect(try await region.api("DELETE", "subnets/\(id)/").status == 204)
            #expect(try await region.api("GET", "subnets/\(id)/").status == 404)
        }
    }
}
