// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import CSys
import DHCP
import Domain
import Glibc
import Leasing

@testable import Rack

/// Many clients on one interface, all of which want an address at the same moment. Each repeats what stays unanswered, as firmware does.
@safe struct DHCPStorm {
    private enum Progress {
        case discovering, requesting(IPv4Address), bound(IPv4Address)
    }

    private static let batch: UInt32 = 64
    private static let firstClient: UInt64 = 0x5254_00F0_0000
    private static let shouter: UInt64 = 0x5254_00EE_EEEE
    private var clients: [Progress]
    private let server: IPv4Address
    private let socket: Int32
    private let outgoing: OpaquePointer
    private let incoming: OpaquePointer

    /// Runs the storm on `machine0` of the calling thread's namespace.
    ///
    /// - Parameter shouts: discovers of one more client, that never listens, for each round of the others.
    /// - Returns: the clients' addresses; fewer than there are clients after two minutes.
    static func run(clients: Int, shouts: Int, server: IPv4Address) throws -> [IPv4Address] {
        let socket = unsafe csys_udp_socket("machine0", 68, 4 << 20)
        guard socket >= 0, let outgoing = unsafe csys_datagrams_create(Self.batch, 600),
            let incoming = unsafe csys_datagrams_create(Self.batch, 2_048)
        else { throw DHCPNamespaces.Failure(description: "no socket: \(socket)") }
        defer {
            close(socket)
            unsafe csys_datagrams_destroy(outgoing)
            unsafe csys_datagrams_destroy(incoming)
        }
        var storm = unsafe DHCPStorm(
            clients: Array(repeating: .discovering, count: clients), server: server, socket: socket, outgoing: outgoing, incoming: incoming
        )
        let end = DHCPService.now.advanced(bySeconds: 120)
        while !storm.isOver, DHCPService.now < end { storm.round(shouts: shouts) }
        return storm.clients.compactMap { if case .bound(let address) = $0 { address } else { nil } }
    }

    private var isOver: Bool {
        self.clients.allSatisfy { if case .bound = $0 { true } else { false } }
    }

    /// Everybody says what they want, and the answers of the next seconds are taken in.
    private mutating func round(shouts: Int) {
        var slot: UInt32 = 0
        for number in self.clients.indices {
            switch self.clients[number] {
            case .discovering: self.put(.discover, UInt64(number) + Self.firstClient, nil, &slot)
            case .requesting(let address): self.put(.request, UInt64(number) + Self.firstClient, address, &slot)
            case .bound: continue
            }
            self.takeAnswers(&slot)
        }
        for _ in 0..<shouts { self.put(.discover, Self.shouter, nil, &slot) }
        self.flush(&slot)
        let end = DHCPService.now.advanced(bySeconds: 2)
        while DHCPService.now < end, !self.isOver {
            _ = csys_wait_readable(self.socket, -1, 100)
            self.takeAnswers(&slot)
            self.flush(&slot)
        }
    }

    private func put(_ type: DHCPMessageType, _ client: UInt64, _ address: IPv4Address?, _ slot: inout UInt32) {
        let room = unsafe UnsafeMutableRawBufferPointer(start: csys_datagrams_bytes(self.outgoing, slot), count: 600)
        guard var writer = unsafe DHCPMessageWriter(slot: room, limit: 600) else { return }
        writer.beginRequest(from: MACAddress(rawValue: client), transactionID: UInt32(truncatingIfNeeded: client), wantsBroadcast: true)
        writer.append(.messageType, byte: type.rawValue)
        if let address {
            writer.append(.requestedAddress, address: address)
            writer.append(.serverIdentifier, address: self.server)
        }
        let length = writer.finish()
        unsafe csys_datagrams_address_udp(self.outgoing, slot, 0, UInt32(length), 0, self.server.rawValue, 67)
        slot += 1
        if slot == Self.batch { self.flush(&slot) }
    }

    private func flush(_ slot: inout UInt32) {
        var sent: UInt32 = 0
        while sent < slot {
            let count = unsafe csys_datagrams_send(self.outgoing, self.socket, sent, slot - sent)
            // What the socket does not take is lost, and repeated in the next round.
            sent += count > 0 ? UInt32(count) : 1
        }
        slot = 0
    }

    /// An offer is requested at once.
    private mutating func takeAnswers(_ slot: inout UInt32) {
        while true {
            let received = unsafe csys_datagrams_receive(self.incoming, self.socket)
            guard received > 0 else { return }
            for index in 0..<UInt32(received) {
                let length = Int(unsafe csys_datagrams_length(self.incoming, index))
                let bytes = unsafe UnsafeBufferPointer<UInt8>(start: csys_datagrams_bytes(self.incoming, index), count: length)
                guard let answer = unsafe try? DHCPMessageView(parsing: bytes.span), let client = answer.macAddress?.rawValue,
                    client >= Self.firstClient, client < Self.firstClient + UInt64(self.clients.count)
                else { continue }
                let number = Int(client - Self.firstClient)
                switch (answer.messageType, self.clients[number]) {
                case (.offer, .discovering):
                    self.clients[number] = .requesting(answer.yourAddress)
                    self.put(.request, client, answer.yourAddress, &slot)
                case (.acknowledge, .requesting): self.clients[number] = .bound(answer.yourAddress)
                case (.refuse, .requesting): self.clients[number] = .discovering
                default: continue
                }
            }
        }
    }
}
