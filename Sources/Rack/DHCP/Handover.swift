// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Takes something that is not copyable, and not sendable by itself, to the one thread that owns it from then on.
final class Handover<Value: ~Copyable>: @unchecked Sendable {
    // Written before the thread starts, taken once by it.
    private var value: Value?

    init(_ value: consuming Value) {
        self.value = consume value
    }

    func take() -> Value? {
        self.value.take()
    }
}
