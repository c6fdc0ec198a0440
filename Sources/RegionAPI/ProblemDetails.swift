// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

internal import HTTPForms
internal import Lifecycle
internal import Logging
internal import Placement
internal import PostgresStorage

/// Which answer an error gives: the one place that maps errors to HTTP.
enum ProblemDetails {
    /// Seconds after which a client may ask again when the database is away.
    private static let retryAfter = 5

    static func response(to error: any Error, logger: Logger, uri: String) -> APIResponse {
        switch error {
        case let failure as APIFailure: return failure.response
        case let error as StoreError: return self.response(to: error, logger: logger, uri: uri)
        case let refusal as LifecycleRefusal: return APIFailure.conflict(refusal.message).response
        case let error as ConstraintError: return APIFailure.field(error.field, error.message).response
        case let error as FormError: return APIFailure.badRequest(error.description).response
        case let error as OAuthError: return APIFailure.badRequest(error.description).response
        case is CancellationError: return APIFailure.unavailable("This region is stopping.", retryAfter: 1).response
        default:
            logger.error("request failed", metadata: ["http.path": "\(Self.path(uri))", "error": "\(error)"])
            return APIFailure(status: 500, content: .text("The region has a fault; its log tells more.")).response
        }
    }

    private static func response(to error: StoreError, logger: Logger, uri: String) -> APIResponse {
        if let fields = error.fields { return APIFailure.fields(fields.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }).response }
        switch error.code {
        case .notFound: return APIFailure.notFound(error.message).response
        case .staleVersion: return APIFailure.conflict(error.message).response
        case .unavailable:
            logger.warning("store unavailable", metadata: ["http.path": "\(Self.path(uri))", "error": "\(error)"])
            return APIFailure.unavailable("The database can't be reached at the moment.", retryAfter: Self.retryAfter).response
        case .conflict, .invalid, .failed:
            logger.error("store failed", metadata: ["http.path": "\(Self.path(uri))", "error": "\(error)"])
            return APIFailure(status: 500, content: .text("The region has a fault; its log tells more.")).response
        }
    }

    /// Without the query: it may hold a signature.
    private static func path(_ uri: String) -> Substring {
        uri.prefix { $0 != "?" }.prefix(200)
    }
}
