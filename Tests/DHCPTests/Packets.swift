// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import DHCP
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

/// The fixed part of a client's message (RFC 2131, figure 1), up to and with the magic cookie.
func fixedPart(flags: String = "0000", ciaddr: String = "00000000", giaddr: String = "00000000") -> [UInt8] {
    hex(
        """
        01              ; op: request
        01 06           ; htype Ethernet, hlen 6
        00              ; hops
        dead beef       ; xid
        0004            ; secs
        \(flags)        ; flags
        \(ciaddr)       ; ciaddr
        00000000        ; yiaddr
        00000000        ; siaddr
        \(giaddr)       ; giaddr
        5254 0012 3456  ; chaddr
        00000000 00000000 0000 ; padding of chaddr
        """
    ) + [UInt8](repeating: 0, count: 192) + hex("63 82 53 63 ; magic cookie")
}

enum Packets {
    /// QEMU's option ROM: iPXE on a BIOS machine.
    static let ipxeBIOS =
        fixedPart()
        + hex(
            """
            35 01 01                ; DISCOVER
            39 02 05c0              ; maximum message size 1472
            5d 02 0000              ; architecture: BIOS
            5e 03 01 02 01          ; UNDI 2.1
            3c 20 505845436c69656e743a417263683a30303030303a554e44493a303032303031 ; PXEClient:Arch:00000:UNDI:002001
            4d 04 69505845          ; user class iPXE, without a length
            37 17 01 03 06 07 0c 0f 11 1a 2b 3c 42 43 77 80 81 82 83 84 85 86 87 af cb
            af 0c b1 05 01 80861000 00 eb 03 010000 ; iPXE's own: bus id, version
            3d 07 01 525400123456   ; client identifier
            61 11 00 00112233445566778899aabbccddeeff ; UUID
            ff
            """
        )

    /// EDK2 (OVMF): UEFI PXE.
    static let edk2PXE =
        fixedPart(flags: "8000")
        + hex(
            """
            35 01 01                ; DISCOVER
            39 02 05b8              ; maximum message size 1464
            37 23 01 02 03 04 05 06 0c 0d 0f 11 12 16 17 1c 28 29 2a 2b 32 33 36 3a 3b 3c 42 43 61 80 81 82 83 84 85 86 87
            61 11 00 efbeadde000011112222333344445555 ; UUID
            5e 03 01 03 00          ; UNDI 3.0
            5d 02 0007              ; architecture: EFI x86-64
            3c 20 505845436c69656e743a417263683a30303030373a554e44493a303033303030 ; PXEClient:Arch:00007:UNDI:003000
            ff
            """
        )

    /// EDK2's HTTP boot.
    static let edk2HTTP =
        fixedPart(flags: "8000")
        + hex(
            """
            35 01 01                ; DISCOVER
            39 02 05b8
            37 06 01 03 06 0f 3c 43
            61 11 00 efbeadde000011112222333344445555
            5e 03 01 03 00
            5d 02 0010              ; architecture: EFI x86-64 by HTTP
            3c 21 48545450436c69656e743a417263683a30303031363a554e44493a303033303030 ; HTTPClient:Arch:00016:UNDI:003000
            ff
            """
        )

    /// ISC dhclient renewing.
    static let dhclientRenew =
        fixedPart(ciaddr: "0a630032")
        + hex(
            """
            35 01 03                ; REQUEST
            0c 05 6e6f646531        ; host name node1
            37 0d 01 1c 02 03 0f 06 77 0c 2c 2f 1a 79 2a
            ff
            """
        )

    /// What a relay agent makes of a discover: its address is of another network than the client's.
    static let relayed =
        fixedPart(giaddr: "ac100002")
        + hex(
            """
            35 01 01                ; DISCOVER
            76 04 0a620000          ; the client selects 10.98.0.0
            52 13                   ; relay agent information
               01 05 6574683130     ;   circuit: eth10
               05 04 0a630000       ;   link selection: 10.99.0.0
               0b 04 ac100002       ;   server identifier override: the agent
            ff
            """
        )

    static let all = [ipxeBIOS, edk2PXE, edk2HTTP, dhclientRenew, relayed]
}

extension DHCPMessageView {
    /// An option of the bytes that the view was read from.
    func option(_ code: DHCPOptionCode, _ bytes: [UInt8]) -> [UInt8]? {
        self.value(of: code, in: bytes.span)
    }
}
