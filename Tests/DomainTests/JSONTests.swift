// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import JSON
import Testing

@Suite struct JSONTests {
    private static let document = #"{"b":[1,-2.5,true,false,null,"a\"\\\n\u0001é"],"a":{"nested":{}},"big":9007199254740993}"#

    @Test func `text that was read is written the same, with keys in their order`() throws {
        #expect(try JSONValue(parsing: Self.document).text == Self.document)
    }

    @Test(arguments: [
        (#""\u0041\ud83d\ude00""#, "A😀"), (#""\/\b\f\r\t""#, "/\u{8}\u{C}\r\t"),
        (#""a\u0000b""#, "a\u{FFFD}b"),
    ])
    func `escapes are read`(text: String, value: String) throws {
        #expect(try JSONValue(parsing: text) == .string(value))
    }

    @Test(arguments: [
        "", " ", "{", "[1,]", "{\"a\" 1}", "{\"a\":1,}", "nul", "truex", "01", "-01", "-", "1-2", "\"open", "\"\\x\"", "\"\\ud800\"", "\"\\u00g0\"",
        "1 2", "+1", ".5",
        "\"\u{1}\"", "[", "1e999", "--1", "{1:2}", "\"\\u+123\"",
    ])
    func `what is not JSON is refused with the place`(text: String) {
        #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
    }

    @Test func `text cut off at any byte is refused and traps nowhere`() {
        let bytes = Array(Self.document.utf8)
        for count in bytes.indices { #expect(throws: JSONError.self) { try JSONValue(parsing: bytes[..<count]) } }
    }

    @Test func `nesting beyond the limit is refused, not recursed into`() throws {
        #expect(throws: JSONError.self) { try JSONValue(parsing: String(repeating: "[", count: 1_000_000)) }
        #expect(throws: JSONError.self) { try JSONValue(parsing: String(repeating: "{\"a\":", count: 1_000_000)) }
        let deep = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
        #expect(try JSONValue(parsing: deep).text == deep)
    }

    @Test func `bytes that are no UTF-8 are refused`() {
        #expect(throws: JSONError.self) { try JSONValue(parsing: [0x22, 0xFF, 0x22]) }
    }

    @Test func `whole numbers are whole, also when written with a fraction`() throws {
        #expect(try JSONValue(parsing: "4.0").intValue == 4)
        #expect(try JSONValue(parsing: "1e3").intValue == 1000)
        #expect(try JSONValue(parsing: "4.5").intValue == nil)
        #expect(try JSONValue(parsing: "1e300").intValue == nil)
    }

    @Test func `an object keeps a replaced member in its place`() {
        var object: JSONObject = ["a": 1, "b": 2]
        object["a"] = 3
        object["c"] = 4
        object["b"] = nil
        #expect(object.keys == ["a", "c"])
        #expect(object["a"] == 3)
    }
}
