// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// One line of a request's or an answer's head.
public struct HTTPHeader: Sendable, Hashable {
    public var name: String
    public var value: String

    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// What to ask of an HTTP server (or, with a `file` URL, of the file system).
public struct HTTPRequest: Sendable {
    /// `GET`, `HEAD`, `POST`, or any other method.
    public var method: String
    /// `http`, `https` or `file`.
    public var url: String
    public var headers: [HTTPHeader]
    public var body: [UInt8]?
    /// For `send` the limit of the whole exchange; for `open` and `download` the longest silence.
    public var timeout: Duration
    /// The limit of name resolution, connecting and the TLS handshake.
    public var connectTimeout: Duration
    /// A longer answer to `send` is an error, so that a peer cannot fill the memory.
    public var maximumResponseBytes: Int
    public var maximumRedirects: Int
    /// Whether an `https` server must prove its name. Off only for BMCs, which rarely can.
    public var verifiesCertificate: Bool
    /// A file of certificates to trust instead of the system's.
    public var certificateAuthorities: String?
    /// The client's own certificate, for servers that ask for one.
    public var clientCertificate: ClientCertificate?
    /// An HTTP proxy's URL. Nothing is taken from the environment.
    public var proxy: String?

    public init(
        method: String = "GET", url: String, headers: [HTTPHeader] = [], body: [UInt8]? = nil, timeout: Duration = .seconds(60),
        connectTimeout: Duration = .seconds(10), maximumResponseBytes: Int = 16 << 20, maximumRedirects: Int = 5, verifiesCertificate: Bool = true,
        certificateAuthorities: String? = nil, proxy: String? = nil
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.timeout = timeout
        self.connectTimeout = connectTimeout
        self.maximumResponseBytes = maximumResponseBytes
        self.maximumRedirects = maximumRedirects
        self.verifiesCertificate = verifiesCertificate
        self.certificateAuthorities = certificateAuthorities
        self.clientCertificate = nil
        self.proxy = proxy
    }
}

/// Files with a certificate and its private key, both PEM.
public struct ClientCertificate: Sendable {
    public var certificateFile: String
    public var privateKeyFile: String

    public init(certificateFile: String, privateKeyFile: String) {
        self.certificateFile = certificateFile
        self.privateKeyFile = privateKeyFile
    }
}
