// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

extension String {
    /// Text of bytes that a client sent: what is not UTF-8 becomes replacement characters, and so does NUL, which no text column takes.
    public init(outside bytes: some Collection<UInt8>) {
        // No byte of UTF-8 is 255.
        self.init(decoding: bytes.map { $0 == 0 ? 0xFF : $0 }, as: UTF8.self)
    }
}
