// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

#if canImport(FoundationEssentials)
    import FoundationEssentials
#endif

/// A file as the text that the API takes.
enum Base64File {
    static func read(_ path: String) throws -> String {
        guard let data = FileManager.default.contents(atPath: path) else { throw ValidationError("\(path) cannot be read") }
        return data.base64EncodedString()
    }
}
