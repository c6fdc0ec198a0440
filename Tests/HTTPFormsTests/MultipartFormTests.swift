// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import HTTPForms
import Testing

/// Bodies as the clients of MAAS put them on the wire.
@Suite struct MultipartFormTests {
    /// python-libmaas and the maas command line: base64 parts, `=` in the boundary, no line break at the end.
    static let libmaasType = "multipart/form-data; boundary=\"===============8697559557292750242==\""
    static let libmaas = Array(
        """
        --===============8697559557292750242==\r
        Content-Transfer-Encoding: base64\r
        Content-Disposition: form-data; name="hostname"\r
        MIME-Version: 1.0\r
        Content-Type: text/plain; charset="utf-8"\r
        \r
        bm9kZS0x\r
        \r
        --===============8697559557292750242==\r
        Content-Transfer-Encoding: base64\r
        Content-Disposition: form-data; name="mac_addresses"\r
        MIME-Version: 1.0\r
        Content-Type: application/octet-stream\r
        \r
        NTI6NTQ6MDA6MDA6\r
        MDA6MDE=\r
        \r
        --===============8697559557292750242==--
        """.utf8
    )

    @Test func `parts in base64 are decoded`() throws {
        let form = try Form(contentType: Self.libmaasType, body: Self.libmaas)
        #expect(form.fields.map(\.name) == ["hostname", "mac_addresses"])
        #expect(form.text("hostname") == "node-1")
        #expect(form.text("mac_addresses") == "52:54:00:00:00:01")
    }

    @Test func `a body whose only part is empty has no fields`() throws {
        #expect(try Form(contentType: "multipart/form-data; boundary=B", body: Array("--B\r\n\r\n--B--".utf8)).fields == [])
        #expect(try Form(contentType: "multipart/form-data; boundary=B", body: Array("--B--".utf8)).fields == [])
        #expect(try Form(contentType: "multipart/form-data; boundary=B", body: Array("--B--\r\n".utf8)).fields == [])
        #expect(try Form(contentType: nil, body: []).fields == [])
    }

    @Test func `plain parts and files keep their bytes`() throws {
        let body =
            Array(
                "--b0\r\nContent-Disposition: form-data; name=\"mtu\"\r\n\r\n1500\r\n--b0\r\nContent-Disposition: form-data; name=\"script\"; filename=\"s.sh\"\r\n"
                    .utf8
            ) + Array("Content-Type: application/octet-stream\r\n\r\n".utf8) + [0, 13, 10, 255, 13, 10] + Array("\r\n--b0--\r\n".utf8)
        let form = try Form(contentType: "multipart/form-data; boundary=b0", body: body)
        #expect(form.text("mtu") == "1500")
        #expect(form.files.map(\.filename) == ["s.sh"])
        #expect(form.bytes("script") == [0, 13, 10, 255, 13, 10])
    }

    @Test func `lines end with a bare line feed as well`() throws {
        let body = Array("--b0\nContent-Disposition: form-data; name=a\n\none\ntwo\n--b0--".utf8)
        #expect(try Form(contentType: "multipart/form-data; boundary=b0", body: body).text("a") == "one\ntwo")
    }

    @Test func `a line that only begins like the boundary belongs to the content`() throws {
        let body = Array("--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n--bb\r\n--b-\r\n--b--".utf8)
        #expect(try Form(contentType: "multipart/form-data; boundary=b", body: body).text("a") == "--bb\r\n--b-")
    }

    @Test func `a body cut off anywhere is an error, never a trap`() {
        for length in 1..<Self.libmaas.count - 2 {
            #expect(throws: FormError.self, "cut after \(length) bytes") {
                try Form(contentType: Self.libmaasType, body: Array(Self.libmaas.prefix(length)))
            }
        }
    }

    @Test func `wrong base64 names its field`() {
        let body = Array("--b\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Transfer-Encoding: base64\r\n\r\n???\r\n--b--".utf8)
        #expect(throws: FormError.badBase64(field: "a")) { try Form(contentType: "multipart/form-data; boundary=b", body: body) }
    }

    @Test func `an unknown transfer encoding, a missing boundary and headers without end are refused`() {
        let quoted = Array("--b\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nx\r\n--b--".utf8)
        #expect(throws: FormError.unsupportedTransferEncoding(field: "a", encoding: "quoted-printable")) {
            try Form(contentType: "multipart/form-data; boundary=b", body: quoted)
        }
        #expect(throws: FormError.badBoundary) { try Form(contentType: "multipart/form-data", body: quoted) }
        let endless = Array("--b\r\nContent-Disposition: form-data; name=\"a\"\r\n--b--".utf8)
        #expect(throws: FormError.malformedPart(index: 0)) { try Form(contentType: "multipart/form-data; boundary=b", body: endless) }
    }

    @Test func `the number of parts is bounded`() {
        let part = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n"
        let body = Array((String(repeating: part, count: 20) + "--b--").utf8)
        #expect(throws: FormError.tooManyFields(limit: 10)) {
            try Form(contentType: "multipart/form-data; boundary=b", body: body, limits: FormLimits(maximumFields: 10))
        }
    }

    @Test func `random bytes never trap`() {
        var generator = SplitMix(state: 20)
        for _ in 0..<3000 {
            let pieces = [
                "--b", "\r\n", "\n", "--", "Content-Disposition: form-data; name=\"", "\"", ":", ";", "a", "=", "\\", "base64",
                "Content-Transfer-Encoding: ",
            ]
            var body: [UInt8] = []
            for _ in 0..<Int.random(in: 0..<30, using: &generator) {
                if Bool.random(using: &generator) {
                    body += pieces[Int.random(in: 0..<pieces.count, using: &generator)].utf8
                } else {
                    body.append(UInt8.random(in: 0...255, using: &generator))
                }
            }
            for type in ["multipart/form-data; boundary=b", "application/x-www-form-urlencoded", "application/json"] {
                if let form = try? Form(contentType: type, body: body) { _ = form.fields.map(\.text) }
            }
            _ = HeaderValue(parsing: String(decoding: body, as: UTF8.self))
            _ = try? OAuthParameters.header("OAuth " + String(decoding: body, as: UTF8.self))
        }
    }
}

struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var value = self.state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}
