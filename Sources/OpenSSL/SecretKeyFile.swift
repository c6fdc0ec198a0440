// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The file that holds the sealing key, outside the database: 64 hexadecimal digits, readable by its owner only.
public enum SecretKeyFile {
    /// Loads the key, or makes one if the file does not exist yet.
    ///
    /// A new file appears complete or not at all, and of two processes that create it at once both use the same key. A file that exists is
    /// never overwritten, whatever is wrong with it: losing the key would lose every sealed secret.
    ///
    /// - Throws: ``OpenSSLError`` `insecureFile` when others may read or write it, or it is not a plain file of ours; `invalidKey` when its
    ///   content is no key; `fileFailure` otherwise.
    public static func loadOrCreate(path: String) throws -> SecretBox {
        if let box = try Self.load(path: path) { return box }
        try Self.create(path: path)
        guard let box = try Self.load(path: path) else {
            throw OpenSSLError(.fileFailure, "\(path) vanished while it was created")
        }
        return box
    }

    /// The key in the file, or nil when there is no such file.
    static func load(path: String) throws -> SecretBox? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        if descriptor < 0 {
            let reason = errno
            if reason == ENOENT { return nil }
            if reason == ELOOP { throw OpenSSLError(.insecureFile, "\(path) is a symbolic link, expected a plain file") }
            throw OpenSSLError(.fileFailure, "cannot open \(path): error \(reason)")
        }
        defer { close(descriptor) }
        try Self.checkOwnership(of: descriptor, path: path)
        // One byte more than allowed is asked for, so that a longer file is noticed.
        var content = [UInt8](repeating: 0, count: 2 * SecretBox.keyByteCount + 2)
        let count = unsafe read(descriptor, &content, content.count)
        guard count >= 0 else { throw OpenSSLError(.fileFailure, "cannot read \(path): error \(errno)") }
        var text = content.prefix(count)
        if text.last == 0x0a { text.removeLast() }
        guard let key = Hexadecimal.decode(String(decoding: text, as: UTF8.self)), key.count == SecretBox.keyByteCount else {
            throw OpenSSLError(.invalidKey, "\(path) does not hold \(2 * SecretBox.keyByteCount) hexadecimal digits")
        }
        return try SecretBox(key: key)
    }

    private static func checkOwnership(of descriptor: Int32, path: String) throws {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw OpenSSLError(.fileFailure, "cannot examine \(path): error \(errno)") }
        guard status.st_mode & S_IFMT == S_IFREG else { throw OpenSSLError(.insecureFile, "\(path) is not a plain file") }
        guard status.st_mode & 0o077 == 0 else {
            let mode = String(status.st_mode & 0o7777, radix: 8)
            throw OpenSSLError(.insecureFile, "\(path) has mode \(mode), expected 600: others may read the key")
        }
        guard status.st_uid == geteuid() || status.st_uid == 0 else {
            throw OpenSSLError(.insecureFile, "\(path) belongs to user \(status.st_uid), expected \(geteuid())")
        }
    }

    /// Writes a complete temporary file and links it into place; `link` fails, unlike `rename`, when somebody else was first.
    private static func create(path: String) throws {
        let temporary = "\(path).\(SecureRandom.token(length: 12))"
        let descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw OpenSSLError(.fileFailure, "cannot create \(temporary): error \(errno)") }
        defer { unsafe unlink(temporary) }
        do {
            defer { close(descriptor) }
            let content = Array((Hexadecimal.encode(SecureRandom.bytes(SecretBox.keyByteCount)) + "\n").utf8)
            let written = unsafe write(descriptor, content, content.count)
            guard written == content.count, fsync(descriptor) == 0 else {
                throw OpenSSLError(.fileFailure, "cannot write \(temporary): error \(errno)")
            }
        }
        if unsafe link(temporary, path) != 0 {
            let reason = errno
            guard reason == EEXIST else { throw OpenSSLError(.fileFailure, "cannot create \(path): error \(reason)") }
        }
        Self.synchronizeDirectory(of: path)
    }

    /// Makes the new name last through a power failure. Some file systems refuse it; then there is nothing better to do.
    private static func synchronizeDirectory(of path: String) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        let directory = parts.isEmpty ? "." : parts.joined(separator: "/")
        let descriptor = unsafe open(directory.isEmpty ? "/" : directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        _ = fsync(descriptor)
        close(descriptor)
    }
}
