// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// What a lab consists of.
public struct LabConfiguration: Sendable, Hashable {
    /// Everything that the lab writes: disks, logs, passwords. An absolute path of letters, digits and `/._+-`.
    public var stateDirectory: String
    /// Begins the names of namespaces and interfaces, so that labs can run side by side.
    public var prefix: String
    /// The namespace for rackd: `eth0` is the machines' network, `uplink` leads to the region.
    public var rackNamespace: String
    /// The namespace of the bridge, the machines and their BMCs.
    public var segmentNamespace: String
    /// The machines' network; inside the namespaces only.
    public var network: IPv4Network
    /// The rack's address on the machines' network.
    public var rackAddress: IPv4Address
    /// Between the root namespace and the rack: must not be used for anything else on this host.
    public var uplinkNetwork: IPv4Network
    public var machines: [LabMachine]

    public init(
        stateDirectory: String, prefix: String = "gantry-lab", network: IPv4Network = Self.standardNetwork,
        uplinkNetwork: IPv4Network = Self.standardUplinkNetwork, machines: [LabMachine]
    ) {
        self.stateDirectory = stateDirectory
        self.prefix = prefix
        self.rackNamespace = prefix + "-rack"
        self.segmentNamespace = prefix + "-l2"
        self.network = network
        self.rackAddress = IPv4Address(rawValue: network.address.rawValue &+ 1)
        self.uplinkNetwork = uplinkNetwork
        self.machines = machines
    }

    /// A lab of equal machines, `lab-1` to `lab-N`.
    public init(stateDirectory: String, machineCount: Int, firmware: LabFirmware = .biosIPXE) {
        let network = Self.standardNetwork
        self.init(
            stateDirectory: stateDirectory,
            machines: (0..<max(0, machineCount)).map { .numbered($0 + 1, firmware: firmware, in: network) })
    }

    public static let standardNetwork = Self.literal(10, 99, 0, prefixLength: 24)
    public static let standardUplinkNetwork = Self.literal(10, 98, 0, prefixLength: 30)

    private static func literal(_ first: UInt32, _ second: UInt32, _ third: UInt32, prefixLength: Int) -> IPv4Network {
        guard let network = IPv4Network(address: IPv4Address(rawValue: first << 24 | second << 16 | third << 8), prefixLength: prefixLength)
        else { preconditionFailure("a literal network with host bits") }
        return network
    }

    /// The root namespace's end of the uplink: where the region listens for this rack.
    public var regionAddress: IPv4Address { self.uplinkNetwork.hosts.lowerBound }

    /// The rack's end of the uplink.
    public var rackUplinkAddress: IPv4Address { self.uplinkNetwork.hosts.upperBound }

    /// The name of the uplink in the root namespace, of at most 15 bytes: the prefix when it is short, else a digest of it.
    public var uplinkInterface: String {
        guard self.prefix.utf8.count > 12 else { return self.prefix + "-up" }
        // FNV-1a, 32 bits: stable from run to run, unlike Swift's own hashes.
        let digest = self.prefix.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
        return "lab-" + String(digest, radix: 16) + "-up"
    }
}

extension LabConfiguration {
    /// At most this many machines have room for their ports and BMC addresses.
    static let mostMachines = 100

    /// Refuses what would fail later, or would be dangerous inside a shell script.
    func validate() throws {
        func refuse(_ field: String, _ value: String, _ expected: String) -> LabError {
            LabError(.configuration, "\(field): '\(value.prefix(80))' is not \(expected)")
        }
        guard self.stateDirectory.hasPrefix("/"), self.stateDirectory.utf8.count <= 80, self.stateDirectory.utf8.allSatisfy(Self.isPathByte)
        else { throw refuse("stateDirectory", self.stateDirectory, "an absolute path of at most 80 letters, digits and /._+-") }
        for (field, name) in [
            ("prefix", self.prefix), ("rackNamespace", self.rackNamespace), ("segmentNamespace", self.segmentNamespace),
        ] where !Self.isName(name, longest: 64) {
            throw refuse(field, name, "a name of lower-case letters, digits and dashes")
        }
        guard self.rackNamespace != self.segmentNamespace else {
            throw refuse("rackNamespace", self.rackNamespace, "another name than the segment's")
        }
        guard self.uplinkNetwork.prefixLength <= 30 else { throw refuse("uplinkNetwork", "\(self.uplinkNetwork)", "a network of /30 or larger") }
        guard self.network.prefixLength <= 29, !self.network.overlaps(self.uplinkNetwork) else {
            throw refuse("network", "\(self.network)", "a network of /29 or larger, apart from the uplink's")
        }
        guard self.network.hosts.contains(self.rackAddress) else {
            throw refuse("rackAddress", "\(self.rackAddress)", "an address of \(self.network)")
        }
        guard self.machines.count <= Self.mostMachines else {
            throw refuse("machines", "\(self.machines.count)", "at most \(Self.mostMachines)")
        }
        try self.validateMachines(refuse)
    }

    private func validateMachines(_ refuse: (String, String, String) -> LabError) throws {
        var names: Set<String> = []
        var macAddresses: Set<MACAddress> = []
        var bmcAddresses: Set<IPv4Address> = [self.rackAddress]
        for machine in self.machines {
            let field = "machine \(machine.name)"
            guard Self.isName(machine.name, longest: 32), names.insert(machine.name).inserted else {
                throw refuse("machine name", machine.name, "a name of its own of at most 32 lower-case letters, digits and dashes")
            }
            guard macAddresses.insert(machine.macAddress).inserted, machine.macAddress.rawValue >> 40 & 1 == 0 else {
                throw refuse("\(field): macAddress", "\(machine.macAddress)", "a unicast address of its own")
            }
            guard self.network.hosts.contains(machine.bmcAddress), bmcAddresses.insert(machine.bmcAddress).inserted else {
                throw refuse("\(field): bmcAddress", "\(machine.bmcAddress)", "an address of its own in \(self.network)")
            }
            for (name, value, range) in [
                ("memoryMiB", machine.memoryMiB, 64...1_048_576), ("cpus", machine.cpus, 1...64), ("diskGiB", machine.diskGiB, 1...65536),
                ("diskCount", machine.diskCount, 0...16),
            ] where !range.contains(value) {
                throw refuse("\(field): \(name)", "\(value)", "from \(range.lowerBound) to \(range.upperBound)")
            }
        }
    }

    private static func isPathByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "+"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    private static func isName(_ text: String, longest: Int) -> Bool {
        (1...longest).contains(text.utf8.count) && text.first != "-"
            && text.utf8.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || $0 == UInt8(ascii: "-")
            }
    }
}
