// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import OpenSSL

/// Where a secret stands. It is sealed for this place: a sealed value that was copied to another row does not open.
enum SecretPlace: Sendable {
    case power(machine: String)
    case userData(machine: String)
    case token(key: String)
    case segment(vlanID: Int)

    var context: String {
        switch self {
        case .power(let machine): "machine/\(machine)/power"
        case .userData(let machine): "machine/\(machine)/user_data"
        case .token(let key): "api_token/\(key)/secret"
        case .segment(let vlanID): "segment_service/\(vlanID)/secret"
        }
    }
}

extension StoreTransaction {
    func seal(_ plaintext: [UInt8], for place: SecretPlace) throws -> [UInt8] {
        do {
            return try self.secrets.seal(plaintext, context: place.context)
        } catch {
            throw StoreError(.failed, "\(place.context) can't be sealed.", cause: error)
        }
    }

    func open(_ sealed: [UInt8], of place: SecretPlace) throws -> [UInt8] {
        do {
            return try self.secrets.open(sealed, context: place.context)
        } catch {
            throw StoreError(.failed, "\(place.context) can't be opened: is the region's secret key the right one?", cause: error)
        }
    }
}
