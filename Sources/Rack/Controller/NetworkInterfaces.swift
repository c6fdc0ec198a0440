// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Domain
internal import Glibc

/// The network interfaces of this host that have an address.
enum NetworkInterfaces {
    static func all() -> [ControllerInterface] {
        var first: UnsafeMutablePointer<ifaddrs>?
        guard unsafe getifaddrs(&first) == 0 else { return [] }
        defer { unsafe freeifaddrs(first) }
        var found: [String: ControllerInterface] = [:]
        var cursor = unsafe first
        while let entry = unsafe cursor {
            unsafe Self.add(entry.pointee, to: &found)
            unsafe cursor = entry.pointee.ifa_next
        }
        return found.values.filter { !$0.addresses.isEmpty || $0.ipv6Addresses?.isEmpty == false }.sorted { $0.name < $1.name }
    }

    private static func add(_ entry: ifaddrs, to found: inout [String: ControllerInterface]) {
        guard let address = unsafe entry.ifa_addr, unsafe entry.ifa_flags & UInt32(IFF_LOOPBACK) == 0 else { return }
        let name = unsafe String(cString: entry.ifa_name)
        var interface = found[name] ?? ControllerInterface(name: name, macAddress: nil, addresses: [], networks: [])
        switch unsafe Int32(address.pointee.sa_family) {
        case AF_INET:
            guard let mask = unsafe entry.ifa_netmask else { return }
            let value = unsafe Self.ipv4(address)
            let length = unsafe Self.ipv4(mask).rawValue.nonzeroBitCount
            let network = IPv4Address(rawValue: length == 0 ? 0 : value.rawValue & ~UInt32(0) << UInt32(32 - length))
            interface.addresses.append(value)
            if let network = IPv4Network(address: network, prefixLength: length) { interface.networks.append(network) }
        case AF_INET6:
            let value = unsafe Self.ipv6(address)
            // Link-local addresses are on every interface, and tell nothing of networks.
            if !value.isLinkLocal { interface.ipv6Addresses = (interface.ipv6Addresses ?? []) + [value] }
        case AF_PACKET: interface.macAddress = unsafe Self.hardwareAddress(address)
        default: return
        }
        found[name] = interface
    }

    private static func ipv4(_ address: UnsafeMutablePointer<sockaddr>) -> IPv4Address {
        let number = unsafe address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { unsafe $0.pointee.sin_addr.s_addr }
        return IPv4Address(rawValue: UInt32(bigEndian: number))
    }

    /// `sockaddr_in6`: family 2, port 2, flow 4, address 16 bytes (ipv6(7)).
    private static func ipv6(_ address: UnsafeMutablePointer<sockaddr>) -> IPv6Address {
        let bytes = unsafe UnsafeRawBufferPointer(start: UnsafeRawPointer(address), count: 28)
        return IPv6Address(
            high: unsafe bytes[8..<16].reduce(0) { $0 << 8 | UInt64($1) }, low: unsafe bytes[16..<24].reduce(0) { $0 << 8 | UInt64($1) }
        )
    }

    /// `sockaddr_ll`: family 2, protocol 2, index 4, type 2, packet type 1, length 1, address 8 bytes (packet(7)).
    private static func hardwareAddress(_ address: UnsafeMutablePointer<sockaddr>) -> MACAddress? {
        let bytes = unsafe UnsafeRawBufferPointer(start: UnsafeRawPointer(address), count: 20)
        guard unsafe bytes[11] == 6 else { return nil }
        return MACAddress(rawValue: unsafe bytes[12..<18].reduce(0) { $0 << 8 | UInt64($1) })
    }
}
