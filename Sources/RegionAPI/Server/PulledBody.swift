// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// A body whose pieces are asked for one by one: the next one is made when the last one was sent.
struct PulledBody: AsyncSequence, Sendable {
    typealias Element = ByteBuffer

    struct AsyncIterator: AsyncIteratorProtocol {
        let pull: @Sendable () async throws -> ByteBuffer?

        func next() async throws -> ByteBuffer? {
            try await self.pull()
        }
    }

    let pull: @Sendable () async throws -> ByteBuffer?

    func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(pull: self.pull)
    }
}
