// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// The body of an answer, piece by piece. When nobody reads, the transfer pauses: at most a mebibyte waits in memory.
public struct HTTPByteStream: AsyncSequence, Sendable {
    public typealias Element = [UInt8]

    private let lifetime: Lifetime

    init(_ transfer: Transfer) {
        self.lifetime = Lifetime(transfer)
    }

    public func makeAsyncIterator() -> Iterator { Iterator(lifetime: self.lifetime) }

    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let lifetime: Lifetime

        /// The next bytes, never empty; nil at the end.
        /// - Throws: `HTTPClientError`, or `CancellationError` when the task is cancelled.
        public mutating func next() async throws -> [UInt8]? { try await self.lifetime.transfer.nextChunk() }
    }

    /// Ends the transfer when the last reader is gone.
    fileprivate final class Lifetime: Sendable {
        let transfer: Transfer

        init(_ transfer: Transfer) {
            self.transfer = transfer
        }

        deinit {
            self.transfer.cancel()
        }
    }
}
