// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Rack

@Suite struct HTTPTextTests {
    @Test(arguments: [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
        (4_102_444_799, "Thu, 31 Dec 2099 23:59:59 GMT"), (-5, "Thu, 01 Jan 1970 00:00:00 GMT"),
    ]) func `dates are written as HTTP wants them`(seconds: Int64, text: String) {
        #expect(HTTPDate.text(unixSeconds: seconds) == text)
    }

    @Test(arguments: [
        ("/MAAS/x?y", BootHTTPRoute.region), ("//MAAS/x", .region), ("/MAAS", .region), ("/boot/MAAS/x", .region), ("/maas/x", .file(name: "maas/x")),
        ("http://10.0.0.1:5248/MAAS/x", .region), ("http://10.0.0.1", .file(name: "index.html")), ("/a/../MAAS/x", .refused), ("*", .refused),
        ("", .refused),
        ("x", .refused), ("/%2fMAAS%2fx", .region),
    ]) func `targets are sorted`(uri: String, route: BootHTTPRoute) {
        #expect(BootHTTPRoute(uri: uri) == route)
    }

    @Test func `ranges of an empty file cannot be had`() {
        #expect(ByteRanges(header: "bytes=0-", size: 0) == .unsatisfiable)
        #expect(ByteRanges(header: "bytes=-1", size: 0) == .unsatisfiable)
        #expect(ByteRanges(header: nil, size: 0) == .whole)
        #expect(ByteRanges(header: "bytes=0-18446744073709551615", size: 10) == .parts([0..<10]))
        #expect(ByteRanges(header: "Bytes=0-0,,\t2-3 ", size: .max) == .parts([0..<1, 2..<4]))
        #expect(ByteRanges(header: "bytes=0-5,1-6,2-7", size: 10) == .parts([0..<6, 1..<7, 2..<8]))
        #expect(ByteRanges(header: "bytes=0-5,1-6,2-7,3-8", size: 10) == .refused)
    }
}
