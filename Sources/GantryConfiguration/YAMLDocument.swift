// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import CYAML

/// A YAML text as mappings, lists and scalars, read by libyaml.
///
/// Settings need no more of YAML: scalars stay the text that was written, whatever type YAML would give them.
indirect enum YAMLDocument: Equatable {
    case scalar(String)
    case sequence([YAMLDocument])
    case mapping([(key: String, value: YAMLDocument)])

    /// The deepest nesting that is read; a settings file has three levels.
    private static let maximumDepth = 32

    /// Reads one document.
    ///
    /// - Throws: `YAMLError` saying what is wrong, and in which line.
    init(_ text: String) throws(YAMLError) {
        var parser = unsafe yaml_parser_t()
        guard unsafe yaml_parser_initialize(&parser) == 1 else { throw YAMLError(description: "no memory") }
        defer { unsafe yaml_parser_delete(&parser) }
        var document = unsafe yaml_document_t()
        let bytes = Array(text.utf8)
        // The parser reads the bytes only while it loads.
        let isLoaded = unsafe bytes.withUnsafeBufferPointer { buffer in
            unsafe yaml_parser_set_input_string(&parser, buffer.baseAddress, buffer.count)
            return unsafe yaml_parser_load(&parser, &document) == 1
        }
        guard isLoaded else {
            let problem = unsafe parser.problem.map { unsafe String(cString: $0) } ?? "not YAML"
            throw unsafe YAMLError(description: "line \(parser.problem_mark.line + 1): \(problem)")
        }
        defer { unsafe yaml_document_delete(&document) }
        guard let root = unsafe yaml_document_get_root_node(&document) else {
            self = .mapping([])
            return
        }
        self = try unsafe Self.value(root, in: &document, depth: 0)
    }

    private static func value(
        _ node: UnsafeMutablePointer<yaml_node_t>, in document: inout yaml_document_t, depth: Int
    ) throws(YAMLError) -> YAMLDocument {
        // An alias may lead to the node that it is in.
        guard depth < Self.maximumDepth else {
            throw unsafe YAMLError(description: "line \(node.pointee.start_mark.line + 1): nested too deeply")
        }
        switch unsafe node.pointee.type {
        case YAML_SCALAR_NODE:
            let scalar = unsafe node.pointee.data.scalar
            let bytes = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            return unsafe .scalar(String(decoding: bytes, as: UTF8.self))
        case YAML_SEQUENCE_NODE:
            var items: [YAMLDocument] = []
            let list = unsafe node.pointee.data.sequence.items
            var item = unsafe list.start
            while let current = unsafe item, unsafe current != list.top {
                items.append(try unsafe Self.value(number: current.pointee, in: &document, depth: depth))
                unsafe item = current + 1
            }
            return .sequence(items)
        case YAML_MAPPING_NODE:
            var members: [(key: String, value: YAMLDocument)] = []
            let list = unsafe node.pointee.data.mapping.pairs
            var pair = unsafe list.start
            while let current = unsafe pair, unsafe current != list.top {
                guard case .scalar(let key) = try unsafe Self.value(number: current.pointee.key, in: &document, depth: depth) else {
                    throw unsafe YAMLError(description: "line \(node.pointee.start_mark.line + 1): a key is not a text")
                }
                members.append((key, try unsafe Self.value(number: current.pointee.value, in: &document, depth: depth)))
                unsafe pair = current + 1
            }
            return .mapping(members)
        default:
            throw unsafe YAMLError(description: "line \(node.pointee.start_mark.line + 1): not understood")
        }
    }

    private static func value(number: Int32, in document: inout yaml_document_t, depth: Int) throws(YAMLError) -> YAMLDocument {
        guard let node = unsafe yaml_document_get_node(&document, number) else { throw YAMLError(description: "a node is missing") }
        return try unsafe Self.value(node, in: &document, depth: depth + 1)
    }

    static func == (left: Self, right: Self) -> Bool {
        switch (left, right) {
        case (.scalar(let left), .scalar(let right)): left == right
        case (.sequence(let left), .sequence(let right)): left == right
        case (.mapping(let left), .mapping(let right)): left.elementsEqual(right) { $0.key == $1.key && $0.value == $1.value }
        default: false
        }
    }
}

/// Why a text is not YAML.
struct YAMLError: Error, Equatable, CustomStringConvertible {
    var description: String
}
