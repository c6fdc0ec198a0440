// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Host names to addresses. Blocks: to be called on a thread that may wait.
enum NameResolution {
    /// Whether the text is an IPv4 or IPv6 address already.
    static func isNumeric(_ host: String) -> Bool {
        var storage = in6_addr()
        if unsafe inet_pton(AF_INET, host, &storage) == 1 { return true }
        // A zone ("fe80::1%eth0") is not part of what inet_pton knows.
        let address = host.split(separator: "%", maxSplits: 1).first.map(String.init) ?? host
        return unsafe inet_pton(AF_INET6, address, &storage) == 1
    }

    /// The addresses of a host, in the order the resolver prefers; empty when it knows none.
    static func addresses(of host: String) -> [String] {
        var hints = unsafe addrinfo()
        unsafe hints.ai_family = AF_UNSPEC
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(host, nil, &hints, &list) == 0 else { return [] }
        defer { unsafe freeaddrinfo(list) }
        var addresses: [String] = []
        var next = unsafe list
        while let entry = unsafe next {
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let result = unsafe getnameinfo(
                entry.pointee.ai_addr, entry.pointee.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST
            )
            if result == 0 {
                let bytes = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
                let address = String(decoding: bytes, as: UTF8.self)
                if !addresses.contains(address) { addresses.append(address) }
            }
            unsafe next = entry.pointee.ai_next
        }
        return addresses
    }
}
