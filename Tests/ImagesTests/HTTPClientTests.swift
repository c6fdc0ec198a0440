// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import HTTPClient
import Synchronization
import Testing

/// Something that happened.
private final class Flag: Sendable {
    let value = Mutex(false)
}

@Suite
struct HTTPClientTests {
    private let client = HTTPClient()

    private func code(_ request: HTTPRequest) async -> HTTPClientError.Code? {
        await thrown(HTTPClientError.self) { _ = try await self.client.send(request) }?.code
    }

    @Test func `a request arrives with its method, headers and body, and the answer comes back`() async throws {
        try await withFolder { folder in
            try await withWebServer(folder) { url in
                for (method, body) in [("GET", nil), ("POST", "a=1&b=2"), ("PUT", "x\u{e4}"), ("DELETE", nil), ("POST", "")] {
                    let request = HTTPRequest(
                        method: method, url: url + "/echo?q=1", headers: [HTTPHeader("X-Test", "seven")], body: body.map { Array($0.utf8) })
                    let answer = try await self.client.send(request)
                    let text = String(decoding: answer.body, as: UTF8.self)
                    #expect(answer.status == 200)
                    #expect(answer.header("x-two-words") == "a value")
                    #expect(text.contains("\"method\": \"\(method)\"") && text.contains("\"X-Test\": \"seven\"") && !text.contains("Expect"))
                    if method == "POST", body == "a=1&b=2" { #expect(text.contains("a=1&b=2") && text.contains("\"Content-Length\": \"7\"")) }
                }
                let head = try await self.client.send(HTTPRequest(method: "HEAD", url: url + "/echo"))
                #expect(head.status == 200 && head.body.isEmpty)
            }
        }
    }

    @Test func `a status is an answer and no error`() async throws {
        try await withFolder { folder in
            try await withWebServer(folder) { url in
                for status in [404, 409, 500, 503] {
                    let answer = try await self.client.get(url + "/status/\(status)")
                    #expect(answer.status == status && answer.body == Array("as you wished".utf8))
                }
            }
        }
    }

    @Test func `redirects are followed up to the limit`() async throws {
        try await withFolder { folder in
            try await withWebServer(folder) { url in
                let followed = try await self.client.get(url + "/redirect/5")
                #expect(followed.status == 200)
                #expect(await self.code(HTTPRequest(url: url + "/redirect/6")) == .tooManyRedirects)
                let first = try await self.client.send(HTTPRequest(url: url + "/redirect/1", maximumRedirects: 0))
                #expect(first.status == 302)
            }
        }
    }

    @Test func `failures are told apart`() async throws {
        try await withFolder { folder in
            try await withWebServer(folder) { url in
                try writeFile(folder + "/file", noise(100_000, seed: 1))
                #expect(await self.code(HTTPRequest(url: "http://127.0.0.1:1/")) == .connectionRefused)
                #expect(await self.code(HTTPRequest(url: "http://no-such-host.invalid/")) == .cannotResolve)
                #expect(await self.code(HTTPRequest(url: url + "/slow", timeout: .milliseconds(300))) == .timedOut)
                #expect(await self.code(HTTPRequest(url: url + "/cut/500/file")) == .connectionLost)
                #expect(await self.code(HTTPRequest(url: url + "/file", maximumResponseBytes: 99_999)) == .responseTooLarge)
                #expect(await self.code(HTTPRequest(url: url.replacing("http:", with: "https:") + "/")) == .tlsFailed)
                #expect(await self.code(HTTPRequest(url: "file://\(folder)/gone")) == .fileNotFound)
                for bad in ["", "http://", "ftp://127.0.0.1/x", "gopher://x/", "http://a b/", "http://a/\r\nHost: b", "http://[1::2::3]/"] {
                    #expect(await self.code(HTTPRequest(url: bad)) == .invalidURL, "\(bad)")
                }
                #expect(await self.code(HTTPRequest(url: url, headers: [HTTPHeader("X", "a\r\nY: b")])) == .other)
            }
        }
    }

    @Test func `a file is read by its URL`() async throws {
        try await withFolder { folder in
            try writeFile(folder + "/a file", Array("content".utf8))
            let answer = try await self.client.get("file://\(folder)/a%20file")
            #expect(answer.status == 200 && answer.body == Array("content".utf8))
            try writeFile(folder + "/empty", [])
            #expect(try await self.client.get("file://\(folder)/empty").body.isEmpty)
        }
    }

    @Test func `many requests at once share few connections`() async throws {
        let narrow = HTTPClient(maximumConnections: 4)
        try await withFolder { folder in
            try await withWebServer(folder) { url in
                let sum = try await withThrowingTaskGroup(of: Int.self) { group in
                    for _ in 0..<200 { group.addTask { try await narrow.get(url + "/status/200").status } }
                    return try await group.reduce(0, +)
                }
                #expect(sum == 200 * 200)
            }
        }
    }

    @Test(.timeLimit(.minutes(1))) func `events arrive while the answer still goes on, and letting go ends it`() async throws {
        try await withFolder { folder in
            try await withWebServer(folder) { url in
                let answer = try await self.client.open(HTTPRequest(url: url + "/events"))
                #expect(answer.header("Content-Type") == "text/event-stream")
                var text = ""
                for try await chunk in answer.body {
                    text += String(decoding: chunk, as: UTF8.self)
                    if text.contains("data: 5\n\n") { break }
                }
                #expect(text.hasPrefix("data: 0\n\ndata: 1\n\n"))
            }
        }
    }

    @Test(.timeLimit(.minutes(1))) func `a cancelled reader stops waiting`() async throws {
        let client = self.client
        try await withFolder { folder in
            try await withWebServer(folder) { url in
                let first = Flag()
                let result = await withTaskGroup(of: Bool.self) { group in
                    group.addTask {
                        do {
                            let answer = try await client.open(HTTPRequest(url: url + "/slow"))
                            for try await _ in answer.body { first.value.withLock { $0 = true } }
                            return false
                        } catch {
                            return error is CancellationError
                        }
                    }
                    while !first.value.withLock({ $0 }) { await Task.yield() }
                    group.cancelAll()
                    return await group.next() ?? false
                }
                #expect(result)
            }
        }
    }

    @Test func `a long answer comes whole to a slow reader`() async throws {
        try await withFolder { folder in
            try await withWebServer(folder) { url in
                let size = 40 << 20
                let answer = try await self.client.open(HTTPRequest(url: url + "/big/\(size)"))
                var count = 0
                var chunks = 0
                for try await chunk in answer.body {
                    count += chunk.count
                    chunks += 1
                    if chunks % 16 == 0 { await Task.yield() }
                }
                #expect(count == size)
            }
        }
    }

    @Test func `a client that is let go of ends its transfers`() async throws {
        try await withFolder { folder in
            try await withWebServer(folder) { url in
                var short: HTTPClient? = HTTPClient()
                let answer = try await short?.open(HTTPRequest(url: url + "/slow"))
                short = nil
                let error = await thrown(HTTPClientError.self) {
                    if let answer { for try await _ in answer.body {} }
                }
                #expect(error?.code == .closed)
            }
        }
    }

    @Test func `a download is written, goes on in the middle, and its size is checked`() async throws {
        let content = noise(300_000, seed: 7)
        try await withFolder { folder in
            try writeFile(folder + "/file", content)
            try await withWebServer(folder) { url in
                let path = folder + "/copy"
                let last = Mutex<(Int64, Int64?)>((0, nil))
                let size = try await self.client.download(HTTPRequest(url: url + "/file"), to: path) { done, whole in
                    last.withLock { $0 = (done, whole) }
                }
                #expect(size == 300_000 && last.withLock { $0.0 == 300_000 && $0.1 == 300_000 })
                #expect(try readFile(path) == content)

                let cut = await thrown(HTTPClientError.self) {
                    try await self.client.download(HTTPRequest(url: url + "/cut/100000/file"), to: path, expectedSize: 300_000)
                }
                #expect(cut?.code == .connectionLost)
                let kept = Int64(try readFile(path).count)
                #expect(kept > 0 && kept <= 100_000)
                try await self.client.download(HTTPRequest(url: url + "/file"), to: path, resumeAt: kept, expectedSize: 300_000)
                #expect(try readFile(path) == content)
                #expect(try await self.client.get(url + "/log").body.count > 0)

                let codes: [(String, Int64, Int64?, HTTPClientError.Code)] = [
                    ("/norange/file", 5, nil, .rangeRefused), ("/file", 400_000, nil, .rangeRefused), ("/status/404", 0, nil, .refused),
                    ("/file", 0, 299_999, .wrongSize), ("/file", 0, 300_001, .wrongSize),
                ]
                for (name, offset, expected, code) in codes {
                    let error = await thrown(HTTPClientError.self) {
                        try await self.client.download(HTTPRequest(url: url + name), to: path, resumeAt: offset, expectedSize: expected)
                    }
                    #expect(error?.code == code, "\(name) at \(offset)")
                }
                let nowhere = await thrown(HTTPClientError.self) {
                    try await self.client.download(HTTPRequest(url: url + "/file"), to: folder + "/no/where")
                }
                #expect(nowhere?.code == .fileFailed)
                #expect(
                    try await self.client.download(HTTPRequest(url: "file://\(folder)/file"), to: path, resumeAt: 1000, expectedSize: 300_000)
                        == 300_000)
            }
        }
    }
}
