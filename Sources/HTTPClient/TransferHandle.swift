// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import CCurl
internal import Glibc

/// libcurl's side of one transfer. Lives on the loop's thread only.
@safe final class TransferHandle {
    let transfer: Transfer
    let easy: UnsafeMutableRawPointer
    private var list: UnsafeMutablePointer<curl_slist>?
    private let errorText: UnsafeMutablePointer<CChar>

    /// CURL_ERROR_SIZE.
    private static let errorSize = 256

    init(_ transfer: Transfer, multi: UnsafeMutableRawPointer) throws(HTTPClientError) {
        guard let easy = unsafe curl_easy_init() else { throw HTTPClientError(.other, "libcurl has no memory") }
        self.transfer = transfer
        unsafe self.easy = easy
        unsafe self.errorText = .allocate(capacity: Self.errorSize)
        unsafe self.errorText.initialize(repeating: 0, count: Self.errorSize)
        try self.configure()
        let code = unsafe curl_multi_add_handle(multi, easy)
        guard code == CURLM_OK else { throw HTTPClientError(.other, "\(transfer.request.url): libcurl refused the transfer (\(code.rawValue))") }
    }

    deinit {
        unsafe curl_easy_cleanup(self.easy)
        unsafe curl_slist_free_all(self.list)
        unsafe self.errorText.deallocate()
    }

    private func configure() throws(HTTPClientError) {
        let request = self.transfer.request
        let isFile = request.url.lowercased().hasPrefix("file://")
        guard !request.url.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7f }), request.url.utf8.count <= 8192 else {
            throw HTTPClientError(
                .invalidURL, "'\(request.url.prefix(200))' is no URL: it has white space, control characters or more than 8192 bytes")
        }
        for header in request.headers where (header.name + header.value).utf8.contains(where: { $0 == 0x0a || $0 == 0x0d || $0 == 0 }) {
            throw HTTPClientError(.other, "header '\(header.name)': no line ends are allowed in a header")
        }
        self.set(CURLOPT_URL, request.url)
        self.set(CURLOPT_NOSIGNAL, 1)
        self.set(CURLOPT_PROTOCOLS_STR, isFile ? "file" : "http,https")
        self.set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https")
        self.set(CURLOPT_FOLLOWLOCATION, request.maximumRedirects > 0 ? 1 : 0)
        self.set(CURLOPT_MAXREDIRS, request.maximumRedirects)
        self.set(CURLOPT_PROXY, request.proxy ?? "")
        self.set(CURLOPT_USERAGENT, "gantry")
        self.set(CURLOPT_TCP_KEEPALIVE, 1)
        self.set(CURLOPT_BUFFERSIZE, 128 << 10)
        self.set(CURLOPT_CONNECTTIMEOUT_MS, request.connectTimeout.milliseconds)
        if self.transfer.boundsWhole {
            self.set(CURLOPT_TIMEOUT_MS, request.timeout.milliseconds)
        } else {
            self.set(CURLOPT_LOW_SPEED_LIMIT, 1)
            self.set(CURLOPT_LOW_SPEED_TIME, max(1, request.timeout.milliseconds / 1000))
        }
        self.set(CURLOPT_SSL_VERIFYPEER, request.verifiesCertificate ? 1 : 0)
        self.set(CURLOPT_SSL_VERIFYHOST, request.verifiesCertificate ? 2 : 0)
        if let file = request.certificateAuthorities { self.set(CURLOPT_CAINFO, file) }
        if let own = request.clientCertificate {
            self.set(CURLOPT_SSLCERT, own.certificateFile)
            self.set(CURLOPT_SSLKEY, own.privateKeyFile)
        }
        if self.transfer.offset > 0 { _ = unsafe gantry_curl_set_offset(self.easy, CURLOPT_RESUME_FROM_LARGE, curl_off_t(self.transfer.offset)) }
        self.setMethod(request)
        for header in request.headers {
            // A header without a value is written with a semicolon in libcurl's lists
            unsafe self.list = curl_slist_append(self.list, header.value.isEmpty ? "\(header.name);" : "\(header.name): \(header.value)")
        }
        unsafe self.list = curl_slist_append(self.list, "Expect:")
        _ = unsafe gantry_curl_set_list(self.easy, CURLOPT_HTTPHEADER, self.list)
        self.setCallbacks()
    }

    private func setMethod(_ request: HTTPRequest) {
        switch request.method {
        case "GET" where request.body == nil: self.set(CURLOPT_HTTPGET, 1)
        case "HEAD": self.set(CURLOPT_NOBODY, 1)
        case "POST": self.set(CURLOPT_POST, 1)
        default: self.set(CURLOPT_CUSTOMREQUEST, request.method)
        }
        guard let body = request.body ?? (request.method == "POST" ? [] : nil) else { return }
        _ = unsafe gantry_curl_set_offset(self.easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.count))
        // Copied by libcurl, which wants an address even of nothing.
        let bytes = body.isEmpty ? [0] : body
        unsafe bytes.withUnsafeBytes { bytes in
            _ = unsafe gantry_curl_set_pointer(self.easy, CURLOPT_COPYPOSTFIELDS, UnsafeMutableRawPointer(mutating: bytes.baseAddress))
        }
    }

    private func setCallbacks() {
        // The loop keeps the transfer as long as this handle, and libcurl calls only while the handle lives.
        let context = unsafe Unmanaged.passUnretained(self.transfer).toOpaque()
        _ = unsafe gantry_curl_set_pointer(self.easy, CURLOPT_WRITEDATA, context)
        _ = unsafe gantry_curl_set_pointer(self.easy, CURLOPT_HEADERDATA, context)
        _ = unsafe gantry_curl_set_pointer(self.easy, CURLOPT_ERRORBUFFER, self.errorText)
        _ = unsafe gantry_curl_set_callback(self.easy, CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
            guard let context = unsafe context else { return 0 }
            let length = size &* count
            let transfer = unsafe Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
            return unsafe transfer.received(UnsafeRawBufferPointer(start: bytes, count: length)) ? length : Int(CURL_WRITEFUNC_PAUSE)
        }
        _ = unsafe gantry_curl_set_callback(self.easy, CURLOPT_HEADERFUNCTION) { bytes, size, count, context in
            guard let context = unsafe context else { return 0 }
            let length = size &* count
            let line = unsafe String(decoding: UnsafeRawBufferPointer(start: bytes, count: length), as: UTF8.self)
            unsafe Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue().receivedHeader(line)
            return length
        }
    }

    private func set(_ option: CURLoption, _ value: String) { _ = unsafe gantry_curl_set_text(self.easy, option, value) }

    private func set(_ option: CURLoption, _ value: Int) { _ = unsafe gantry_curl_set_long(self.easy, option, value) }

    // MARK: running

    func resume() {
        _ = unsafe curl_easy_pause(self.easy, CURLPAUSE_CONT)
    }

    func end(in multi: UnsafeMutableRawPointer, _ result: Result<Void, any Error>) {
        _ = unsafe curl_multi_remove_handle(multi, self.easy)
        self.transfer.ended(result)
    }

    func finish(in multi: UnsafeMutableRawPointer, _ code: CURLcode) {
        unsafe self.end(in: multi, code == CURLE_OK ? .success(()) : .failure(self.error(code)))
    }

    private func error(_ code: CURLcode) -> HTTPClientError {
        var number = 0
        _ = unsafe gantry_curl_get_long(self.easy, CURLINFO_OS_ERRNO, &number)
        var text = unsafe String(cString: self.errorText)
        if text.isEmpty { text = unsafe String(cString: curl_easy_strerror(code)) }
        return HTTPClientError(Self.meaning(of: code, errno: Int32(truncatingIfNeeded: number)), "\(self.transfer.request.url): \(text)")
    }

    private static func meaning(of code: CURLcode, errno: Int32) -> HTTPClientError.Code {
        switch code {
        case CURLE_UNSUPPORTED_PROTOCOL, CURLE_URL_MALFORMAT: .invalidURL
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: .cannotResolve
        case CURLE_COULDNT_CONNECT:
            switch errno {
            case EHOSTUNREACH, ENETUNREACH, ENETDOWN, EHOSTDOWN, EACCES, EPERM: .unreachable
            case ETIMEDOUT: .timedOut
            default: .connectionRefused
            }
        case CURLE_OPERATION_TIMEDOUT: .timedOut
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_INVALIDCERTSTATUS: .certificateRefused
        case CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CIPHER, CURLE_SSL_ENGINE_INITFAILED: .tlsFailed
        case CURLE_TOO_MANY_REDIRECTS: .tooManyRedirects
        case CURLE_PARTIAL_FILE, CURLE_GOT_NOTHING, CURLE_RECV_ERROR, CURLE_SEND_ERROR, CURLE_WEIRD_SERVER_REPLY, CURLE_HTTP2_STREAM: .connectionLost
        case CURLE_FILE_COULDNT_READ_FILE: .fileNotFound
        case CURLE_RANGE_ERROR, CURLE_BAD_DOWNLOAD_RESUME: .rangeRefused
        default: .other
        }
    }
}

extension Duration {
    /// At least 1: libcurl takes 0 for no limit at all.
    fileprivate var milliseconds: Int {
        let (seconds, attoseconds) = self.components
        return max(1, Int(min(max(seconds, 0), 1_000_000)) * 1000 + Int(max(attoseconds, 0) / 1_000_000_000_000_000))
    }
}
