// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import HTTPForms
import Testing

@Suite struct FormTests {
    @Test func `url-encoded fields keep their order, repeated keys and blanks`() throws {
        let form = try Form(
            contentType: "application/x-www-form-urlencoded; charset=utf-8", body: Array("tags=a%2Cb&tags=c+d&zone=&op&x=%zz&%C3%BC=%E2%82%AC".utf8)
        )
        #expect(form.fields.map(\.name) == ["tags", "tags", "zone", "op", "x", "ü"])
        #expect(form.list("tags") == ["a", "b", "c", "d"])
        #expect(form.texts("tags") == ["a,b", "c d"])
        #expect(form.text("zone") == nil)
        #expect(form.contains("zone"))
        #expect(form.rawText("zone") == "")
        #expect(form.text("x") == "%zz")
        #expect(form.text("ü") == "€")
    }

    @Test func `a JSON object gives fields, its lists repeated keys`() throws {
        let body = Array(#"{"name": "x", "tags": ["a", "b"], "n": 3, "flag": true, "none": null, "power": {"a": 1}}"#.utf8)
        let form = try Form(contentType: "application/json", body: body)
        #expect(form.texts("tags") == ["a", "b"])
        #expect(form.text("n") == "3")
        #expect(form.boolean("flag") == true)
        #expect(form.text("none") == nil)
        #expect(form.text("power") == #"{"a":1}"#)
        #expect(throws: FormError.self) { try Form(contentType: "application/json", body: Array("[1]".utf8)) }
        #expect(throws: FormError.self) { try Form(contentType: "application/json", body: Array("{".utf8)) }
    }

    @Test(arguments: [("True", true), ("true", true), ("1", true), ("on", true), ("False", false), ("0", false), ("off", false)])
    func `truth values are read in every client's spelling`(_ text: String, _ expected: Bool) {
        #expect(Form.boolean(text) == expected)
    }

    @Test func `what is no truth value is told apart`() {
        #expect(Form.boolean("maybe") == nil)
        #expect(Form(fields: [FormField(name: "a", value: [])]).boolean("a") == nil)
    }

    @Test func `text has no NUL and is always UTF-8`() throws {
        let form = try Form(contentType: "application/x-www-form-urlencoded", body: Array("name=a%00b%ff".utf8))
        #expect(form.text("name") == "a\u{FFFD}b\u{FFFD}")
        #expect(form.bytes("name") == [0x61, 0, 0x62, 0xFF])
    }

    @Test func `the number of fields is bounded`() {
        let body = Array((0..<10_000).map { "f\($0)=1" }.joined(separator: "&").utf8)
        #expect(throws: FormError.tooManyFields(limit: 4096)) { try Form(contentType: "application/x-www-form-urlencoded", body: body) }
        let long = Array((String(repeating: "n", count: 9000) + "=1").utf8)
        #expect(throws: FormError.nameTooLong(limit: 8192)) { try Form(contentType: "application/x-www-form-urlencoded", body: long) }
    }

    @Test func `parameters with a prefix are collected`() throws {
        let fields = try URLEncodedForm.parse(Array("power_parameters_power_address=10.0.0.1&power_type=ipmi&power_parameters_=x".utf8))
        #expect(Form(fields: fields).texts(withPrefix: "power_parameters_") == ["power_address": "10.0.0.1", "": "x"])
    }

    @Test func `base64 round-trips and refuses what it is not`() {
        for length in 0..<70 {
            let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 37) }
            #expect(Base64.decode(Base64.encode(bytes).utf8) == bytes)
        }
        for wrong in ["A", "A===", "AA=A", "=", "AAA", "A*AA", "AA==="] { #expect(Base64.decode(wrong.utf8) == nil, "\(wrong)") }
        #expect(Base64.decode("Zm9v\r\nYmFy\n".utf8) == Array("foobar".utf8))
    }

    @Test func `header values may be quoted and have escapes`() {
        let header = HeaderValue(parsing: #"Form-Data; name="a\"b;c" ; filename*=utf-8''%E2%82%AC.txt; x=y"#)
        #expect(header.value == "form-data")
        #expect(header.parameters == ["name": #"a"b;c"#, "filename": "€.txt", "x": "y"])
    }
}
