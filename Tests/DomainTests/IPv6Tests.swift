// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Testing

@Suite struct IPv6Tests {
    @Test(arguments: [
        ("::", "::"), ("::1", "::1"), ("FD00:0:0:0:0:0:0:1", "fd00::1"), ("2001:db8::0:1", "2001:db8::1"), ("1:0:0:2:0:0:0:3", "1:0:0:2::3"),
        ("1:0:0:2:0:0:3:4", "1::2:0:0:3:4"), ("1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"), ("fd00::", "fd00::"), ("::ffff:10.0.0.1", "::ffff:a00:1"),
        ("1::3:4:5:6:7:8", "1:0:3:4:5:6:7:8"),
    ])
    func `an address is read in every form, and written as RFC 5952 says`(_ text: String, _ canonical: String) throws {
        let address = try #require(IPv6Address(text))
        #expect(address.description == canonical)
        #expect(IPv6Address(canonical) == address)
    }

    @Test(arguments: [
        "", ":", ":::", "1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "1:2:3:4::5:6:7:8", "12345::", "g::", "::1%eth0", "1.2.3.4", ":1::",
        "::1.2.3", "1.2.3.4::", "::1 ", "1:2:3:4:5:6:7:1.2.3.4", "-1::", "::1/64",
    ])
    func `what is no address is refused`(_ text: String) {
        #expect(IPv6Address(text) == nil)
    }

    @Test func `a hardware address in an interface identifier is found`() throws {
        #expect(try #require(IPv6Address("fe80::5054:ff:fe12:3456")).embeddedMACAddress == MACAddress("52:54:00:12:34:56"))
        #expect(try #require(IPv6Address("fe80::1234:5678:9abc:def0")).embeddedMACAddress == nil)
        #expect(try #require(IPv6Address("fe80::1")).isLinkLocal)
        #expect(try !#require(IPv6Address("fec0::1")).isLinkLocal)
    }

    @Test func `a network holds what begins as it does`() throws {
        let network = try #require(IPv6Network("fd99:0:0:40::/58"))
        let inside = try #require(IPv6Address("fd99:0:0:7f::1"))
        let outside = try #require(IPv6Address("fd99:0:0:80::1"))
        #expect(network.contains(inside) && !network.contains(outside))
        #expect(network.description == "fd99:0:0:40::/58")
        let host = try #require(IPv6Network("fd99::1/128"))
        #expect(host.contains(host.address) && !host.contains(outside))
        let all = try #require(IPv6Network("::/0"))
        #expect(all.contains(host.address) && all.overlaps(host) && host.overlaps(all) && !host.overlaps(network))
        #expect(IPv6Network(containing: host.address, prefixLength: 64).description == "fd99::/64")
        for text in ["fd99::1/64", "fd99::/129", "fd99::/-1", "fd99::", "fd99::/", "fd99::/ 64", "10.0.0.0/8"] { #expect(IPv6Network(text) == nil) }
    }
}
