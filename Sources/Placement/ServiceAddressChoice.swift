// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// Which address of a network the racks that share it answer for, where the operator has named none.
public enum ServiceAddressChoice {
    /// The highest address that nothing else has: the end of a network is where people put the fewest things by hand.
    ///
    /// - Parameters:
    ///   - taken: addresses of gateways, name servers, controllers and machines.
    ///   - ranges: what is given out or kept free.
    /// - Returns: nil in a network that is full, or too small to be shared.
    public static func address(in network: IPv4Network, taken: Set<IPv4Address>, ranges: [IPRange]) -> IPv4Address? {
        guard network.prefixLength <= 29 else { return nil }
        let last = network.address.rawValue | (network.prefixLength == 0 ? .max : (1 << UInt32(32 - network.prefixLength)) - 1)
        // A thousand addresses that all are taken mean that somebody has to look.
        for offset in UInt32(1)...1_024 {
            let (value, overflow) = last.subtractingReportingOverflow(offset)
            let address = IPv4Address(rawValue: value)
            guard !overflow, network.contains(address), value != network.address.rawValue else { return nil }
            guard !taken.contains(address), !ranges.contains(where: { $0.start <= address && address <= $0.end }) else { continue }
            return address
        }
        return nil
    }
}
