// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import ClusterLink
internal import ClusterMessages
internal import Domain
internal import JSON
internal import Leasing
internal import Logging
internal import PostgresStorage

/// Keeps every connected rack's configuration equal to what the database says.
struct RackConfigurator: Sendable {
    var store: Store
    var racks: RackDirectory
    var logger: Logger

    func run() async {
        await PeriodicActivation(store: self.store, channels: [.configuration, .machine], period: .seconds(5)).run { await self.activate() }
    }

    private func activate() async {
        let racks = self.racks.all
        guard !racks.isEmpty else { return }
        do {
            let compiler = try await self.store.read { try await self.compiler($0) }
            await withDiscardingTaskGroup { group in
                for rack in racks {
                    let configuration = compiler.configuration(for: rack.hello)
                    if configuration.digest != rack.appliedDigest { group.addTask { await self.push(configuration, to: rack) } }
                }
            }
        } catch {
            self.logger.warning("rack configuration not compiled", metadata: ["error": "\(error)"])
        }
    }

    private func compiler(_ transaction: StoreTransaction) async throws -> RackConfigurationCompiler {
        let vlans = try await transaction.vlans()
        let machines = try await transaction.machines()
        let subnets = try await transaction.subnets()
        let addresses = StaticAddresses(machines: machines, subnets: subnets)
        var reservations: [Int: [AddressReservation]] = [:]
        for vlan in vlans where vlan.dhcpOn {
            // An address that may still be leased to another machine is no reservation until the authority says so.
            let safe = Set(try await LeaseAuthorityService.reservations(vlanID: vlan.id, transaction).map(\.address))
            reservations[vlan.id] = addresses.reservations(vlanID: vlan.id).filter { safe.contains($0.address) }
        }
        let options = try await transaction.setting("kernel_opts")?.stringValue ?? ""
        let timeServers = try await transaction.setting("ntp_servers")?.stringValue ?? ""
        return RackConfigurationCompiler(
            machines: machines, vlans: vlans, subnets: subnets, ipv6Subnets: try await transaction.ipv6Subnets(),
            rackNumbers: try await transaction.rackNumbers(), assets: try await transaction.bootAssets(), reservations: reservations,
            domainName: "maas", leaseSeconds: 600, ntpServers: timeServers.split { $0 == " " || $0 == "," }.compactMap { IPv4Address(String($0)) },
            kernelOptions: options.split(separator: " ").map(String.init),
            racks: self.racks.all.map(\.hello), services: try await transaction.segmentServices(), peers: try await transaction.rackPeers(),
            now: try await transaction.databaseClock()
        )
    }

    private func push(_ configuration: RackConfiguration, to rack: RackDirectory.Entry) async {
        do {
            let applied = try await rack.peer.send(configuration, deadline: .seconds(30))
            self.racks.applied(applied.digest, by: rack.hello.rack, over: rack.peer)
            for problem in applied.problems {
                self.logger.warning("rack reports a problem", metadata: ["rack.id": "\(rack.hello.rack)", "problem": "\(problem)"])
            }
        } catch {
            self.logger.warning("rack not configured", metadata: ["rack.id": "\(rack.hello.rack)", "error": "\(error)"])
        }
    }
}
