// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

import ClusterMessages

/// Messages for the tests.
struct Echo: LinkMessage, Equatable {
    static let name = "test.echo"
    typealias Reply = Echo
    var text: String
}

struct Repeat: LinkMessage {
    static let name = "test.repeat"
    typealias Reply = Echo
    var count: Int
}

struct Fail: LinkMessage {
    static let name = "test.fail"
    typealias Reply = LinkNothing
    var code: String?
}

struct Hang: LinkMessage {
    static let name = "test.hang"
    typealias Reply = LinkNothing
}

struct Note: LinkMessage {
    static let name = "test.note"
    typealias Reply = LinkNothing
    var number: Int
}

struct Unheard: LinkMessage {
    static let name = "test.unheard"
    typealias Reply = LinkNothing
}

/// What another release might send under the name of ``Echo``.
struct OtherEcho: LinkMessage {
    static let name = "test.echo"
    typealias Reply = Echo
    var text: Int
}
