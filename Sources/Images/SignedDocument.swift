// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import Subprocess

/// A clear-signed document (RFC 9580, section 7), checked by the system's `gpgv`.
enum SignedDocument {
    /// The signed text: exactly what gpgv vouches for, whatever stands around it.
    static func verify(_ document: [UInt8], name: String, keyring: String) async throws -> [UInt8] {
        guard keyring.hasPrefix("/") else { throw ImageImportError(.badSignature, "keyring '\(keyring)': expected an absolute path") }
        let (status, text, messages) = try await self.run(document, name: name, keyring: keyring)
        guard status == .exited(0), !text.isEmpty else {
            let words = messages.split(separator: "\n").suffix(3).joined(separator: "; ")
            throw ImageImportError(.badSignature, "\(name) is not signed by a key of \(keyring): \(words)")
        }
        return text
    }

    private static func run(_ document: [UInt8], name: String, keyring: String) async throws -> (TerminationStatus, [UInt8], String) {
        do {
            let result = try await Subprocess.run(
                .name("gpgv"), arguments: ["--keyring", keyring, "--output", "-", "-"], input: .array(document),
                output: .bytes(limit: ImageStreamReader.maximumDocumentBytes), error: .string(limit: 64 << 10)
            )
            return (result.terminationStatus, result.standardOutput, result.standardError)
        } catch let error as SubprocessError {
            throw ImageImportError(.badSignature, "\(name): gpgv did not run: \(error)")
        }
    }
}
