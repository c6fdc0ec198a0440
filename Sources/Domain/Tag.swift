// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// A label on machines.
public struct Tag: Sendable, Hashable, Codable {
    public var name: String
    public var comment: String
    /// An XPath expression over the inventory; empty for tags that are set by hand.
    public var definition: String
    /// Options for the kernel of every machine that has the tag.
    public var kernelOptions: String

    public init(name: String, comment: String, definition: String, kernelOptions: String) {
        self.name = name
        self.comment = comment
        self.definition = definition
        self.kernelOptions = kernelOptions
    }
}
