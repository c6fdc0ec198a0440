// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import HTTPForms

/// The body of a request to a region. The input's first line is its content type.
enum FormTarget: FuzzTarget {
    static let name = "multipart"

    private static let limits = FormLimits(maximumFields: 64, maximumNameBytes: 256)

    static func take(_ input: [UInt8]) {
        let line = input.prefix { $0 != 0x0A }
        let contentType = String(decoding: line, as: UTF8.self)
        let body = Array(input.dropFirst(line.count + 1))
        guard let form = try? Form(contentType: contentType, body: body, limits: Self.limits) else { return }
        precondition(form.fields.count <= Self.limits.maximumFields, "\(form.fields.count) fields")
        let isJSON = HeaderValue(parsing: contentType).value == "application/json"
        if !isJSON {
            precondition(form.fields.reduce(0) { $0 + $1.value.count } <= body.count, "more bytes in the fields than in the body")
        }
        for field in form.fields {
            precondition(form.contains(field.name) && form.bytes(field.name) != nil)
            _ = form.list(field.name)
        }
        precondition(form.textsByName.values.reduce(0) { $0 + $1.count } == form.fields.count)
        Self.checkRoundTrip(form)
        Self.checkMultipart(form)
    }

    /// URL-encoded, the texts of a form come back.
    private static func checkRoundTrip(_ form: Form) {
        let pairs = form.fields.map { ($0.name, $0.text) }
        let encoded = URLEncodedForm.encode(pairs)
        guard let again = try? URLEncodedForm.parse(encoded.utf8, limits: FormLimits(maximumNameBytes: .max)) else {
            preconditionFailure("what was encoded cannot be read")
        }
        precondition(again.map { [$0.name, $0.text] } == pairs.map { [$0.0, $0.1] }, "'\(encoded)' is not what was encoded")
    }

    /// As base64 parts in libmaas's manner, the values come back.
    private static func checkMultipart(_ form: Form) {
        var body = ""
        for (index, field) in form.fields.enumerated() {
            body += "--edge\nContent-Disposition: form-data; name=\"f\(index)\"\nContent-Transfer-Encoding: base64\n\n"
            body += Base64.encode(field.value) + "\n"
        }
        body += "--edge--"
        guard let again = try? MultipartForm.parse(Array(body.utf8), boundary: "edge") else {
            preconditionFailure("'\(body)' cannot be read")
        }
        precondition(again.map(\.value) == form.fields.map(\.value), "'\(body)' is not what was written")
    }
}
