// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Finds the resource of a path.
struct RouteTable: Sendable {
    struct Match: Sendable {
        var resource: Resource
        var parameters: [String: String]
    }

    private struct Pattern: Sendable {
        enum Piece: Sendable {
            case literal(String)
            case parameter(String)
        }

        var pieces: [Piece]
        var resource: Int
    }

    let resources: [Resource]
    /// By the number of segments; literal pieces before parameters.
    private let patterns: [Int: [Pattern]]

    init(_ resources: [Resource]) {
        self.resources = resources
        var patterns: [Int: [Pattern]] = [:]
        for (index, resource) in resources.enumerated() {
            for path in [resource.path] + resource.aliases {
                let pieces: [Pattern.Piece] = path.split(separator: "/").map {
                    $0.first == "{" ? .parameter(String($0.dropFirst().dropLast())) : .literal(String($0))
                }
                patterns[pieces.count, default: []].append(Pattern(pieces: pieces, resource: index))
            }
        }
        self.patterns = patterns.mapValues { list in
            list.sorted { left, right in Self.rank(left.pieces) < Self.rank(right.pieces) }
        }
    }

    /// Fewer parameters come first.
    private static func rank(_ pieces: [Pattern.Piece]) -> Int {
        pieces.reduce(0) { if case .parameter = $1 { $0 + 1 } else { $0 } }
    }

    func match(_ segments: some Collection<String>) -> Match? {
        for pattern in self.patterns[segments.count] ?? [] {
            var parameters: [String: String] = [:]
            let fits = zip(pattern.pieces, segments).allSatisfy { piece, segment in
                switch piece {
                case .literal(let text): return text == segment
                case .parameter(let name):
                    parameters[name] = segment
                    return true
                }
            }
            if fits { return Match(resource: self.resources[pattern.resource], parameters: parameters) }
        }
        return nil
    }
}
