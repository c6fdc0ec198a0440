// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Glibc
import OneMachine
import Synchronization

/// A progress bar on a terminal; lines, one for each new step, elsewhere.
final class TerminalProgress: Progress {
    private struct State {
        var last = ""
        var isDrawn = false
    }

    private let state = Mutex(State())
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private let start = ContinuousClock.now

    func step(_ name: String, fraction: Double?) {
        self.state.withLock { state in
            if self.isTerminal {
                Self.write("\r\u{1B}[2K\(self.bar(fraction)) \(name)")
                state.isDrawn = true
            } else if state.last != name {
                Self.write("[\(self.elapsed)] \(name)\n")
            }
            state.last = name
        }
    }

    func done(_ text: String) {
        self.state.withLock { state in
            Self.write("\(state.isDrawn ? "\r\u{1B}[2K" : "")[\(self.elapsed)] \(text)\n")
            state.isDrawn = false
            state.last = ""
        }
    }

    private var elapsed: String {
        let seconds = (ContinuousClock.now - self.start).components.seconds
        let rest = seconds % 60
        return "\(seconds / 60):\(rest < 10 ? "0" : "")\(rest)"
    }

    private func bar(_ fraction: Double?) -> String {
        let width = 24
        guard let fraction else {
            let place = Int((ContinuousClock.now - self.start).components.seconds) % width
            return "[\(self.elapsed)] [" + String((0..<width).map { $0 == place ? "=" : "." }) + "]"
        }
        let filled = Int(min(max(fraction, 0), 1) * Double(width))
        return "[\(self.elapsed)] [" + String(repeating: "=", count: filled) + String(repeating: ".", count: width - filled) + "]"
    }

    private static func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
