// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import Domain

/// What a rack tells the authority about one segment. Any of these may be lost, late or sent twice.
public enum LeaseRackMessage: Sendable, Hashable, Codable {
    case grantRequest(ServingGrantRequest)
    case receipt(TokenReceipt)
    case demand(TokenDemand)
    case recycled(RecycleAcknowledgement)
    case report(LeaseReport)

    /// Who says that it speaks.
    public var rack: SystemID {
        switch self {
        case .grantRequest(let request): request.rack
        case .receipt(let receipt): receipt.rack
        case .demand(let demand): demand.rack
        case .recycled(let acknowledgement): acknowledgement.rack
        case .report(let report): report.rack
        }
    }

    public var segmentID: Int {
        switch self {
        case .grantRequest(let request): request.segmentID
        case .receipt(let receipt): receipt.segmentID
        case .demand(let demand): demand.segmentID
        case .recycled(let acknowledgement): acknowledgement.segmentID
        case .report(let report): report.segmentID
        }
    }
}

/// What the authority tells one rack about one segment. Any of these may be lost, late or sent twice.
public enum LeaseAuthorityMessage: Sendable, Hashable, Codable {
    case grant(ServingGrant)
    case tokens(TokenGrant)
    case recycle(RecycleRequest)

    public var segmentID: Int {
        switch self {
        case .grant(let grant): grant.segmentID
        case .tokens(let tokens): tokens.segmentID
        case .recycle(let request): request.segmentID
        }
    }
}
