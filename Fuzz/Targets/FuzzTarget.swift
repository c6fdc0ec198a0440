// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// One surface that takes bytes from outside.
///
/// A target hands any bytes to the code that the daemons would hand them to, and traps (`precondition`) where an answer breaks a promise.
protocol FuzzTarget: SendableMetatype {
    /// As the command line and the folder of its corpus call it.
    static var name: String { get }
    /// Takes one input.
    static func take(_ input: [UInt8])
}

enum FuzzTargets {
    static let all: [any FuzzTarget.Type] = [
        DHCPv4Target.self, DHCPv6Target.self, TFTPTarget.self, HTTPTarget.self, FormTarget.self, OAuthTarget.self, ClusterTarget.self,
        DocumentTarget.self,
    ]

    /// The one that the environment names: libFuzzer knows one function per process.
    static let chosen: any FuzzTarget.Type = {
        let name = unsafe getenv("GANTRY_FUZZ_TARGET").map { unsafe String(cString: $0) } ?? ""
        guard let target = Self.all.first(where: { $0.name == name }) else {
            preconditionFailure("GANTRY_FUZZ_TARGET is '\(name)', expected one of \(Self.all.map { $0.name }.joined(separator: ", "))")
        }
        return target
    }()
}

/// libFuzzer's entry point.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    FuzzTargets.chosen.take(unsafe Array(UnsafeBufferPointer(start: bytes, count: count)))
    return 0
}
