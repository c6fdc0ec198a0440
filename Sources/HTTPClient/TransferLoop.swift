// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import CCurl
internal import Glibc
internal import Synchronization

/// The thread that drives libcurl's multi interface: libcurl's handles are touched by it alone.
///
/// `@unchecked Sendable`: `multi` is used by the thread alone, except for `curl_multi_wakeup`, which any thread may call.
@safe final class TransferLoop: @unchecked Sendable {
    private enum Command {
        case start(Transfer)
        case resume(Transfer)
        case cancel(Transfer)
    }

    private struct Inbox {
        var commands: [Command] = []
        var isStopped = false
    }

    private let multi: UnsafeMutableRawPointer
    private let inbox = Mutex(Inbox())

    init(maximumConnections: Int) {
        precondition(Self.isReady, "libcurl cannot be used")
        guard let multi = unsafe curl_multi_init() else { preconditionFailure("libcurl has no memory") }
        unsafe self.multi = multi
        _ = unsafe gantry_curl_multi_set_long(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, maximumConnections)
        _ = unsafe gantry_curl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, maximumConnections)
    }

    /// CURL_GLOBAL_ALL is 3; safe to call from any thread since libcurl 7.84.
    private static let isReady: Bool = curl_global_init(3) == CURLE_OK

    func startThread() {
        var thread = pthread_t()
        let argument = unsafe Unmanaged.passRetained(self).toOpaque()
        let code = unsafe pthread_create(
            &thread, nil,
            { argument in
                guard let argument = unsafe argument else { return nil }
                unsafe Unmanaged<TransferLoop>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, argument)
        precondition(code == 0, "no thread for libcurl: errno \(code)")
        pthread_detach(thread)
    }

    func start(_ transfer: Transfer) {
        if !self.post(.start(transfer)) { transfer.ended(.failure(HTTPClientError(.closed, "\(transfer.request.url): the client is closed"))) }
    }

    func resume(_ transfer: Transfer) { _ = self.post(.resume(transfer)) }

    func cancel(_ transfer: Transfer) { _ = self.post(.cancel(transfer)) }

    /// Ends every transfer and the thread.
    func stop() {
        self.inbox.withLock { $0.isStopped = true }
        _ = unsafe curl_multi_wakeup(self.multi)
    }

    private func post(_ command: Command) -> Bool {
        let accepted = self.inbox.withLock { inbox -> Bool in
            guard !inbox.isStopped else { return false }
            inbox.commands.append(command)
            return true
        }
        if accepted { _ = unsafe curl_multi_wakeup(self.multi) }
        return accepted
    }

    // MARK: the thread

    private func run() {
        var active: [ObjectIdentifier: TransferHandle] = [:]
        while true {
            let (commands, isStopped) = self.inbox.withLock { inbox -> ([Command], Bool) in
                defer { inbox.commands = [] }
                return (inbox.commands, inbox.isStopped)
            }
            for command in commands { self.execute(command, &active) }
            if isStopped { break }
            var running: Int32 = 0
            _ = unsafe curl_multi_perform(self.multi, &running)
            self.collect(&active)
            // A second is only the upper bound: libcurl shortens it to its next timer, and a command wakes it.
            _ = unsafe curl_multi_poll(self.multi, nil, 0, 1000, nil)
        }
        for handle in active.values {
            unsafe handle.end(in: self.multi, .failure(HTTPClientError(.closed, "\(handle.transfer.request.url): the client was closed")))
        }
        _ = unsafe curl_multi_cleanup(self.multi)
    }

    private func execute(_ command: Command, _ active: inout [ObjectIdentifier: TransferHandle]) {
        switch command {
        case .start(let transfer):
            do throws(HTTPClientError) {
                active[ObjectIdentifier(transfer)] = try unsafe TransferHandle(transfer, multi: self.multi)
            } catch {
                transfer.ended(.failure(error))
            }
        case .resume(let transfer):
            active[ObjectIdentifier(transfer)]?.resume()
        case .cancel(let transfer):
            if let handle = active.removeValue(forKey: ObjectIdentifier(transfer)) {
                unsafe handle.end(in: self.multi, .failure(CancellationError()))
            } else {
                transfer.ended(.failure(CancellationError()))
            }
        }
    }

    private func collect(_ active: inout [ObjectIdentifier: TransferHandle]) {
        var left: Int32 = 0
        while let message = unsafe curl_multi_info_read(self.multi, &left) {
            guard unsafe message.pointee.msg == CURLMSG_DONE else { continue }
            let (easy, code) = unsafe (message.pointee.easy_handle, message.pointee.data.result)
            guard let entry = active.first(where: { unsafe $0.value.easy == easy }) else { continue }
            active[entry.key] = nil
            unsafe entry.value.finish(in: self.multi, code)
        }
    }
}
