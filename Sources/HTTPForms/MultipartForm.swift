// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Fields of a `multipart/form-data` body (RFC 7578), in the dialects of MAAS's clients: parts in base64 (python-libmaas and the `maas` command
/// line), quoted boundaries with `=` in them, bare line feeds, no line break after the closing boundary, and a body whose only part is empty.
public enum MultipartForm {
    /// Reads the parts.
    ///
    /// - Parameter boundary: as the content type names it.
    public static func parse(_ body: [UInt8], boundary: String, limits: FormLimits = FormLimits()) throws(FormError) -> [FormField] {
        guard (1...70).contains(boundary.utf8.count) else { throw .badBoundary }
        var fields: [FormField] = []
        var index = 0
        var delimiters = Delimiters(body: body, boundary: boundary)
        guard var current = delimiters.next() else { throw .truncated }
        while !current.isClosing {
            guard let next = delimiters.next() else { throw .truncated }
            guard index < limits.maximumFields else { throw .tooManyFields(limit: limits.maximumFields) }
            let part = body[min(current.end, next.start)..<next.start]
            if let field = try Self.field(part, index: index, limits: limits) { fields.append(field) }
            index += 1
            current = next
        }
        return fields
    }

    private static func field(_ part: ArraySlice<UInt8>, index: Int, limits: FormLimits) throws(FormError) -> FormField? {
        if part.isEmpty { return nil }
        var headers: [String: String] = [:]
        var position = part.startIndex
        while true {
            guard let lineEnd = part[position...].firstIndex(of: 0x0A) else {
                // libmaas's parameterless requests: a part that is only white space
                if headers.isEmpty, part.allSatisfy({ $0 == 0x0D || $0 == 0x0A || $0 == 0x20 }) { return nil }
                throw .malformedPart(index: index)
            }
            guard lineEnd - part.startIndex <= limits.maximumNameBytes else { throw .nameTooLong(limit: limits.maximumNameBytes) }
            var line = part[position..<lineEnd]
            if line.last == 0x0D { line = line.dropLast() }
            position = lineEnd + 1
            if line.isEmpty { break }
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { throw .malformedPart(index: index) }
            headers[String(decoding: line[..<colon], as: UTF8.self).lowercased()] = String(decoding: line[(colon + 1)...], as: UTF8.self)
        }
        guard let disposition = headers["content-disposition"].map(HeaderValue.init(parsing:)),
            let name = disposition.parameters["name"] ?? disposition.parameters["filename"]
        else { return nil }
        let content = part[position...]
        let encoding = headers["content-transfer-encoding"].map { HeaderValue(parsing: $0).value } ?? "binary"
        let value: [UInt8]
        switch encoding {
        case "base64":
            guard let decoded = Base64.decode(content) else { throw .badBase64(field: name) }
            value = decoded
        case "7bit", "8bit", "binary", "": value = Array(content)
        default: throw .unsupportedTransferEncoding(field: name, encoding: encoding)
        }
        return FormField(name: name, value: value, filename: disposition.parameters["filename"])
    }

    /// Walks the lines that are boundaries.
    private struct Delimiters {
        struct Delimiter {
            /// Where the part before it ends: without the line break that belongs to the delimiter.
            var start: Int
            /// Where the next part begins.
            var end: Int
            var isClosing: Bool
        }

        private let body: [UInt8]
        private let marker: [UInt8]
        private var position = 0

        init(body: [UInt8], boundary: String) {
            self.body = body
            self.marker = Array("--\(boundary)".utf8)
        }

        mutating func next() -> Delimiter? {
            while self.position < self.body.count {
                let lineStart = self.position
                let lineEnd = self.body[lineStart...].firstIndex(of: 0x0A) ?? self.body.count
                self.position = lineEnd + 1
                guard self.body[lineStart..<lineEnd].starts(with: self.marker) else { continue }
                let rest = self.body[(lineStart + self.marker.count)..<lineEnd]
                let isClosing = rest.starts(with: "--".utf8)
                guard isClosing || rest.allSatisfy({ $0 == 0x0D || $0 == 0x20 || $0 == 0x09 }) else { continue }
                // A line that is cut off inside is no delimiter unless it closes.
                guard isClosing || lineEnd < self.body.count else { return nil }
                var start = lineStart
                if start > 0 { start -= 1 }
                if start > 0, self.body[start - 1] == 0x0D { start -= 1 }
                return Delimiter(start: start, end: min(lineEnd + 1, self.body.count), isClosing: isClosing)
            }
            return nil
        }
    }
}
