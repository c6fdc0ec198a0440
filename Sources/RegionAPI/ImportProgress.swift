// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// How far a running import of images is.
public struct ImportProgress: Sendable, Hashable {
    public var filesDone: Int
    public var filesTotal: Int
    public var bytesDone: Int64
    public var bytesTotal: Int64
    /// What is being fetched, for people.
    public var current: String

    public init(filesDone: Int, filesTotal: Int, bytesDone: Int64, bytesTotal: Int64, current: String) {
        self.filesDone = filesDone
        self.filesTotal = filesTotal
        self.bytesDone = bytesDone
        self.bytesTotal = bytesTotal
        self.current = current
    }
}
