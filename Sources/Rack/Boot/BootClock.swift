// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The clocks of the boot services.
enum BootClock {
    /// Milliseconds since 1970-01-01T00:00:00 UTC.
    static var unixMilliseconds: Int64 {
        let time = Self.read(CLOCK_REALTIME)
        return Int64(time.tv_sec) &* 1000 &+ Int64(time.tv_nsec) / 1_000_000
    }

    /// The time since the machine started; it never goes back.
    static var monotonic: Duration {
        let time = Self.read(CLOCK_MONOTONIC)
        return .seconds(Int64(time.tv_sec)) + .nanoseconds(Int64(time.tv_nsec))
    }

    private static func read(_ clock: clockid_t) -> timespec {
        var time = timespec()
        unsafe clock_gettime(clock, &time)
        return time
    }
}
