// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Fields of a query string or of an `application/x-www-form-urlencoded` body.
public enum URLEncodedForm {
    /// Reads the fields; empty pieces between separators are skipped, a name without `=` has an empty value.
    public static func parse(_ bytes: some Collection<UInt8>, limits: FormLimits = FormLimits()) throws(FormError) -> [FormField] {
        var fields: [FormField] = []
        for piece in bytes.split(separator: UInt8(ascii: "&")) {
            guard fields.count < limits.maximumFields else { throw .tooManyFields(limit: limits.maximumFields) }
            let parts = piece.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = parts.first else { continue }
            guard name.count <= limits.maximumNameBytes else { throw .nameTooLong(limit: limits.maximumNameBytes) }
            fields.append(
                FormField(
                    name: String(decoding: PercentCoding.decode(name, plusIsBlank: true), as: UTF8.self),
                    value: parts.count > 1 ? PercentCoding.decode(parts[1], plusIsBlank: true) : []
                )
            )
        }
        return fields
    }

    /// The fields as a body.
    public static func encode(_ fields: [(String, String)]) -> String {
        fields.map { "\(PercentCoding.encode($0.0))=\(PercentCoding.encode($0.1))" }.joined(separator: "&")
    }
}
