// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain

/// The lab's namespaces, bridge and cables.
struct LabNetwork: Sendable {
    /// The bridge that all machines are plugged into.
    static let bridge = "br0"
    /// The rack's cable: its end at the bridge, and its end in the rack.
    private static let rackCable = "rk0"
    private static let rackInterface = "eth0"
    private static let rackUplink = "uplink"

    var configuration: LabConfiguration

    /// Makes what is missing.
    func up() async throws {
        let segment = self.configuration.segmentNamespace
        let rack = self.configuration.rackNamespace
        let existing = try await Self.namespaces()
        for namespace in [segment, rack] where !existing.contains(namespace) {
            try await self.ip("netns", "add", namespace)
            try await self.ip("-n", namespace, "link", "set", "lo", "up")
        }
        try await self.makeBridge(segment, rack)
        try await self.makeUplink(rack)
        try await self.makeTaps(segment)
        try await self.addBMCAddresses(segment)
    }

    /// Removes everything, also what a broken `up` has left.
    func down() async throws {
        let existing = try await Self.namespaces()
        // The cable dies with the rack's namespace, but later, and a new `up` must not find it.
        if try await self.links(in: nil).contains(self.configuration.uplinkInterface) {
            try await self.ip("link", "delete", self.configuration.uplinkInterface)
        }
        for namespace in [self.configuration.segmentNamespace, self.configuration.rackNamespace] where existing.contains(namespace) {
            try await self.ip("netns", "delete", namespace)
        }
    }

    private func makeBridge(_ segment: String, _ rack: String) async throws {
        let links = try await self.links(in: segment)
        if !links.contains(Self.bridge) {
            // Without spanning tree and its delay: the first DISCOVER of a machine must get through.
            try await self.ip("-n", segment, "link", "add", Self.bridge, "type", "bridge", "stp_state", "0", "forward_delay", "0")
            try await self.ip("-n", segment, "link", "set", Self.bridge, "type", "bridge", "mcast_snooping", "0")
        }
        try await self.ip("-n", segment, "link", "set", Self.bridge, "up")
        if !links.contains(Self.rackCable) {
            try await self.ip(
                "-n", segment, "link", "add", Self.rackCable, "type", "veth", "peer", "name", Self.rackInterface, "netns", rack)
        }
        try await self.ip("-n", segment, "link", "set", Self.rackCable, "master", Self.bridge, "up")
        try await self.add(self.configuration.rackAddress, of: self.configuration.network, to: Self.rackInterface, in: rack)
        try await self.ip("-n", rack, "link", "set", Self.rackInterface, "up")
    }

    private func makeUplink(_ rack: String) async throws {
        let name = self.configuration.uplinkInterface
        let network = self.configuration.uplinkNetwork
        if try await !self.links(in: nil).contains(name) {
            try await self.ip("link", "add", name, "type", "veth", "peer", "name", Self.rackUplink, "netns", rack)
        }
        try await self.add(self.configuration.regionAddress, of: network, to: name, in: nil)
        try await self.ip("link", "set", name, "up")
        try await self.add(self.configuration.rackUplinkAddress, of: network, to: Self.rackUplink, in: rack)
        try await self.ip("-n", rack, "link", "set", Self.rackUplink, "up")
    }

    private func makeTaps(_ segment: String) async throws {
        let links = try await self.links(in: segment)
        for (index, machine) in self.configuration.machines.enumerated() {
            let tap = LabMachineFiles(self.configuration, index: index, name: machine.name).tap
            if !links.contains(tap) {
                try await LabCommand.run(["ip", "netns", "exec", segment, "ip", "tuntap", "add", "dev", tap, "mode", "tap"])
            }
            try await self.ip("-n", segment, "link", "set", tap, "master", Self.bridge, "up")
        }
    }

    private func addBMCAddresses(_ segment: String) async throws {
        for machine in self.configuration.machines {
            try await self.add(machine.bmcAddress, of: self.configuration.network, to: Self.bridge, in: segment)
        }
    }

    private func add(_ address: IPv4Address, of network: IPv4Network, to interface: String, in namespace: String?) async throws {
        let place = namespace.map { ["-n", $0] } ?? []
        // `replace` adds what is missing and leaves what is there.
        try await LabCommand.run(["ip"] + place + ["address", "replace", "\(address)/\(network.prefixLength)", "dev", interface])
    }

    private func ip(_ arguments: String...) async throws {
        try await LabCommand.run(["ip"] + arguments)
    }

    static func namespaces() async throws -> Set<String> {
        let text = try await LabCommand.run(["ip", "netns", "list"])
        return Set(text.split(separator: "\n").compactMap { $0.split(separator: " ").first.map(String.init) })
    }

    /// The names of a namespace's interfaces, from lines such as `3: eth0@if2: <BROADCAST,…`.
    private func links(in namespace: String?) async throws -> Set<String> {
        let place = namespace.map { ["-n", $0] } ?? []
        let text = try await LabCommand.run(["ip"] + place + ["-o", "link", "show"])
        return Set(
            text.split(separator: "\n").compactMap { line in
                let fields = line.split(separator: ":", maxSplits: 2)
                guard fields.count == 3 else { return nil }
                return fields[1].drop { $0 == " " }.split(separator: "@").first.map(String.init)
            })
    }
}
