// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import JSON

extension Form {
    /// Reads the body of a request by its content type. A body of another type (raw uploads, none at all) has no fields.
    public init(contentType: String?, body: [UInt8], limits: FormLimits = FormLimits()) throws(FormError) {
        guard let contentType, !body.isEmpty else {
            self.init()
            return
        }
        let header = HeaderValue(parsing: contentType)
        switch header.value {
        case "application/x-www-form-urlencoded": self.init(fields: try URLEncodedForm.parse(body, limits: limits))
        case "multipart/form-data":
            guard let boundary = header.parameters["boundary"] else { throw .badBoundary }
            self.init(fields: try MultipartForm.parse(body, boundary: boundary, limits: limits))
        case "application/json": self.init(fields: try Self.jsonFields(body, limits: limits))
        default: self.init()
        }
    }

    private static func jsonFields(_ body: [UInt8], limits: FormLimits) throws(FormError) -> [FormField] {
        let document: JSONValue
        do throws(JSONError) {
            document = try JSONValue(parsing: body)
        } catch {
            throw .badJSON(reason: error.description)
        }
        guard let object = document.objectValue else { throw .badJSON(reason: "expected an object at the top") }
        var fields: [FormField] = []
        for (name, value) in object.members {
            for element in value.arrayValue ?? [value] {
                guard fields.count < limits.maximumFields else { throw .tooManyFields(limit: limits.maximumFields) }
                fields.append(FormField(name: name, value: Self.bytes(of: element)))
            }
        }
        return fields
    }

    private static func bytes(of value: JSONValue) -> [UInt8] {
        switch value {
        case .string(let text): Array(text.utf8)
        case .null: []
        default: value.bytes
        }
    }
}
