// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Asks whether a BMC listens, before a session is tried.
///
/// FreeIPMI's sockets are unconnected, so that it cannot see the network's "port unreachable": a closed port and a hung BMC look the same
/// to it. This sends, over a connected socket, what every BMC must answer without a session: Get Channel Authentication Capabilities
/// (IPMI 2.0, sections 13.14 and 22.13).
enum IPMIKnock {
    /// The longest wait for an answer; resolving an address by ARP takes up to 3 s.
    static let patience = Duration.seconds(5)
    private static let resendMilliseconds: Int32 = 500

    /// Blocks until the BMC answers.
    ///
    /// - Returns: the BMC's address in numbers with its port, as FreeIPMI takes it.
    /// - Throws: `unreachable` when the name or the network says so, `timeout` when nothing answers in time.
    static func knock(_ address: BMCAddress, deadline: ContinuousClock.Instant) throws(BMCError) -> String {
        let deadline = min(deadline, ContinuousClock.now + self.patience)
        var list: UnsafeMutablePointer<addrinfo>?
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = LinuxSocket.datagram
        let failure = unsafe getaddrinfo(address.host, String(address.port), &hints, &list)
        guard failure == 0 else {
            let reason = unsafe String(cString: gai_strerror(failure))
            throw BMCError(.unreachable, "the name '\(address.host)' has no address: \(reason)")
        }
        defer { if let list = unsafe list { unsafe freeaddrinfo(list) } }

        var refusal = BMCError(.unreachable, "the name '\(address.host)' has no address")
        var candidate = unsafe list
        while let info = unsafe candidate {
            do throws(BMCError) {
                return try unsafe self.knock(info.pointee, address: address, deadline: deadline)
            } catch {
                guard error.outcome == .unreachable else { throw error }
                refusal = error
            }
            unsafe candidate = info.pointee.ai_next
        }
        throw refusal
    }

    private static func knock(
        _ info: addrinfo, address: BMCAddress, deadline: ContinuousClock.Instant
    ) throws(BMCError) -> String {
        let descriptor = unsafe socket(info.ai_family, LinuxSocket.datagram | LinuxSocket.closeOnExec, 0)
        guard descriptor >= 0 else { throw self.failure(errno, address) }
        defer { close(descriptor) }
        guard unsafe connect(descriptor, info.ai_addr, info.ai_addrlen) == 0 else { throw self.failure(errno, address) }

        let request = self.request
        var answer = [UInt8](repeating: 0, count: 512)
        while true {
            let left = ContinuousClock.now.duration(to: deadline).milliseconds
            guard left > 0 else { throw BMCError(.timeout, "\(address) does not answer") }
            // An error here was caused by an earlier packet: the network's word on it.
            guard unsafe send(descriptor, request, request.count, LinuxSocket.noSignal) >= 0 else {
                throw self.failure(errno, address)
            }
            var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard unsafe Glibc.poll(&poll, 1, min(left, self.resendMilliseconds)) > 0 else { continue }
            let length = unsafe recv(descriptor, &answer, answer.count, LinuxSocket.dontWait)
            if length < 0 {
                let code = errno
                if code == EAGAIN || code == EINTR { continue }
                throw self.failure(code, address)
            }
            if self.isAnswer(answer.prefix(length)) { return try unsafe self.numericAddress(info, address) }
        }
    }

    /// RMCP header, session header of IPMI 1.5 without authentication, and the message with its two checksums.
    static let request: [UInt8] = [
        0x06, 0x00, 0xFF, 0x07, 0x00, 0, 0, 0, 0, 0, 0, 0, 0, 9,
        0x20, 0x18, 0xC8, 0x81, 0x00, 0x38, 0x8E, 0x04, 0xB5,
    ]

    /// RMCP version 1.0, class IPMI (IPMI 2.0, section 13.1.3); the content does not matter.
    static func isAnswer(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard bytes.count >= 14, let version = bytes.first, let kind = bytes.dropFirst(3).first else { return false }
        return version == 0x06 && kind & 0x1F == 0x07
    }

    private static func failure(_ code: Int32, _ address: BMCAddress) -> BMCError {
        let reason = unsafe String(cString: strerror(code))
        switch code {
        case ECONNREFUSED: return BMCError(.unreachable, "nothing listens at \(address)")
        case EHOSTUNREACH, ENETUNREACH, EHOSTDOWN, ENETDOWN, EACCES, EAFNOSUPPORT, EADDRNOTAVAIL, EINVAL:
            return BMCError(.unreachable, "\(address) cannot be reached: \(reason)")
        default: return BMCError(.protocolError, "talking to \(address) failed: \(reason)")
        }
    }

    private static func numericAddress(_ info: addrinfo, _ address: BMCAddress) throws(BMCError) -> String {
        var name = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let failure = unsafe getnameinfo(info.ai_addr, info.ai_addrlen, &name, UInt32(name.count), nil, 0, NI_NUMERICHOST)
        guard failure == 0 else { throw BMCError(.unreachable, "the address of \(address) cannot be written in numbers") }
        let text = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return unsafe info.ai_family == AF_INET6 ? "[\(text)]:\(address.port)" : "\(text):\(address.port)"
    }
}

/// Linux's numbers. Swift's view of these macros changes its type with the C headers that other modules import.
private enum LinuxSocket {
    static let datagram: Int32 = 2
    static let closeOnExec: Int32 = 0o2_000_000
    static let dontWait: Int32 = 0x40
    static let noSignal: Int32 = 0x4000
}

extension Duration {
    /// Rounded up, at most what an Int32 holds; 0 for a duration that is over.
    var milliseconds: Int32 {
        let (seconds, attoseconds) = self.components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        guard seconds < 2_000_000 else { return 2_000_000_000 }
        return Int32(seconds) * 1000 + Int32((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}
