// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import DHCPv6
import Domain

/// Bytes from hexadecimal digits; everything from `;` to the end of a line is a comment.
func hex(_ text: String) -> [UInt8] {
    var digits: [UInt8] = []
    for line in text.split(separator: "\n") {
        for character in line.prefix(while: { $0 != ";" }) {
            if let digit = character.hexDigitValue { digits.append(UInt8(digit)) }
        }
    }
    return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}

enum Packets {
    /// EDK2 (OVMF): UEFI PXE over IPv6.
    static let edk2PXE = hex(
        """
        01 c0ffee                       ; SOLICIT
        0008 0002 0000                  ; elapsed time
        0001 0012 0004 00112233445566778899aabbccddeeff ; DUID: the machine's UUID
        0003 000c 2a3b4c5d 00000000 00000000 ; IA_NA
        0006 0008 003b 003c 0017 0018   ; wanted: boot file URL and parameters, name servers, domains
        003d 0002 0007                  ; EFI x86-64
        003e 0003 01 03 00              ; UNDI 3.0
        0010 0026 00000157 0020 505845436c69656e743a417263683a30303030373a554e44493a303033303030 ; Intel, PXEClient:Arch:00007:UNDI:003000
        """
    )

    /// iPXE on a UEFI machine.
    static let ipxe = hex(
        """
        01 010203                       ; SOLICIT
        0001 0012 0004 00112233445566778899aabbccddeeff
        0003 000c 12345678 00000000 00000000
        0006 0006 003b 0017 0018
        000f 0006 0004 69505845         ; user class iPXE
        003d 0002 0007
        0008 0002 0064                  ; one second
        """
    )

    /// ISC dhclient renewing the address fd99::1:2345:6789:abcd.
    static let dhclientRenew = hex(
        """
        05 aabbcc                       ; RENEW
        0001 000e 0001 0001 2a5f1234 525400123456 ; DUID-LLT
        0002 0012 0004 fd990000000080000000000000000001 ; the server's
        0006 0004 0017 0018
        0008 0002 0000
        0003 0028 00123456 00000e10 00001518
          0005 0018 fd99000000000000 0001 23456789abcd 00001c20 00002a30
        """
    )

    /// A relay's layer around another message.
    static func relayed(
        _ message: [UInt8], link: String = "fd99000000000000 0000000000000001", peer: String = "fe80000000000000 5054 00ff fe12 3456",
        hops: UInt8 = 0,
        options: String = "0012 0004 65746830"
    ) -> [UInt8] {
        hex("0c") + [hops] + hex("\(link) \(peer) \(options)") + [0, 9, UInt8(message.count >> 8), UInt8(message.count & 255)] + message
    }

    static let all = [
        edk2PXE, ipxe, dhclientRenew, relayed(edk2PXE), relayed(relayed(ipxe, options: "004f 0008 0001 525400abcdef"), hops: 1),
    ]
}

extension DHCPv6MessageView {
    /// Everything an expectation wants of the bytes that the view was read from; spans cannot stand in one.
    func associations(_ bytes: [UInt8]) -> [DHCPv6Association] {
        var walk = self.associations
        var found: [DHCPv6Association] = []
        while let association = walk.next(in: bytes.span) { found.append(association) }
        return found
    }

    func addresses(of association: DHCPv6Association, _ bytes: [UInt8]) -> [DHCPv6AssociatedAddress] {
        var walk = self.addresses(of: association)
        var found: [DHCPv6AssociatedAddress] = []
        while let address = walk.next(in: bytes.span) { found.append(address) }
        return found
    }

    func option(_ code: DHCPv6OptionCode, _ bytes: [UInt8]) -> [UInt8]? {
        self.value(of: code, in: bytes.span)
    }

    func statuses(_ bytes: [UInt8]) -> [DHCPv6StatusCode?] {
        self.associations(bytes).map { self.status(of: $0, in: bytes.span) }
    }

    func isFor(_ server: [UInt8], _ bytes: [UInt8]) -> Bool {
        self.isFor(server: server, in: bytes.span)
    }

    func machine(_ source: IPv6Address, _ bytes: [UInt8]) -> MACAddress? {
        self.macAddress(from: source, in: bytes.span)
    }
}
