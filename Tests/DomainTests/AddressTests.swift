// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Domain
import Testing

@Suite struct AddressTests {
    @Test(arguments: ["0.0.0.0", "10.0.0.1", "255.255.255.255", "192.168.1.254"])
    func `an IPv4 address reads as it was written`(text: String) throws {
        #expect(try #require(IPv4Address(text)).description == text)
    }

    @Test(arguments: ["", "1", "1.2.3", "1.2.3.4.5", "256.0.0.1", "01.2.3.4", "1.2.3.", "1..2.3", "1.2.3.4 ", "-1.2.3.4", "1.2.3.1e1", "١.2.3.4"])
    func `what is no strict dotted decimal is no address`(text: String) {
        #expect(IPv4Address(text) == nil)
    }

    @Test(arguments: ["52:54:00:aB:cd:EF", "52-54-00-AB-CD-EF"])
    func `a MAC address is read in both forms and either case`(text: String) throws {
        let address = try #require(MACAddress(text))
        #expect(address.description == "52:54:00:ab:cd:ef")
        #expect(address.dashed == "52-54-00-ab-cd-ef")
        #expect(address.octets == [0x52, 0x54, 0x00, 0xAB, 0xCD, 0xEF])
    }

    @Test(arguments: ["", "52:54:00:ab:cd", "52:54:00:ab:cd:ef:00", "52:54-00:ab:cd:ef", "5254.00ab.cdef", "52:54:00:ab:cd:eg", "52:54:00:ab:cd: f"])
    func `what is no MAC address is refused`(text: String) {
        #expect(MACAddress(text) == nil)
    }

    @Test func `a network knows its addresses`() throws {
        let network = try #require(IPv4Network("10.1.2.0/24"))
        #expect(network.subnetMask.description == "255.255.255.0")
        #expect(network.hosts.lowerBound.description == "10.1.2.1")
        #expect(network.hosts.upperBound.description == "10.1.2.254")
        #expect(network.contains(try #require(IPv4Address("10.1.2.77"))))
        #expect(!network.contains(try #require(IPv4Address("10.1.3.1"))))
    }

    @Test(arguments: ["10.1.2.3/24", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0", "10.0.0.0/+8", "10.0.0.0/-1", "/24", "0.0.0.0/100"])
    func `host bits and odd lengths make no network`(text: String) {
        #expect(IPv4Network(text) == nil)
    }

    @Test func `networks overlap when one holds the other`() throws {
        let wide = try #require(IPv4Network("10.0.0.0/8"))
        let narrow = try #require(IPv4Network("10.9.0.0/16"))
        let other = try #require(IPv4Network("192.168.0.0/16"))
        #expect(wide.overlaps(narrow) && narrow.overlaps(wide) && !wide.overlaps(other))
        #expect(try #require(IPv4Network("0.0.0.0/0")).overlaps(other))
    }

    @Test func `a system id has six characters of its alphabet, and is drawn from the generator that is given`() throws {
        var first = SeededGenerator(state: 7)
        var second = SeededGenerator(state: 7)
        for _ in 0..<1000 {
            let id = SystemID.random(using: &first)
            #expect(SystemID(id.description) == id)
            #expect(SystemID.random(using: &second) == id)
        }
        for text in ["", "abc34", "abc3466", "ABC346", "abc34i", "abc3 4"] { #expect(SystemID(text) == nil) }
    }

    @Test func `time saturates at its ends`() {
        let end = Timestamp(microseconds: .max)
        #expect(end.advanced(by: .seconds(1)) == end)
        #expect(Timestamp(microseconds: 0).advanced(by: .milliseconds(1500)).microseconds == 1_500_000)
    }
}

/// SplitMix64: small, and the same everywhere.
private struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
