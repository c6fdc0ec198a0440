// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

public import APIClient
internal import JSON

/// Has the region fetch what its boot sources have, and shows how far that is.
public struct ImageImport: Sendable {
    private let client: GantryClient
    private let progress: any Progress

    public init(client: GantryClient, progress: any Progress) {
        self.client = client
        self.progress = progress
    }

    /// Waits until all images are there.
    ///
    /// - Throws: `OneMachineError` with the region's own words when an import fails, when there is nothing to import, or after half an hour
    ///   without a byte.
    public func run() async throws {
        let before = try await self.newestEvent()
        _ = try await self.client.post("boot-resources/", operation: "import")
        let clock = ContinuousClock()
        var last = clock.now
        var bytes = -1
        while clock.now - last < .seconds(1800) {
            let state = try await self.client.get("boot-resources/", [("op", "import_progress")])
            guard state["importing"]?.boolValue == true else {
                try await self.refuseFailure(after: before)
                guard try await self.client.get("boot-resources/").arrayValue?.isEmpty == false else {
                    throw OneMachineError("the boot sources have no images. Next: tools/build-image, then gantry images import")
                }
                self.progress.done("images are imported")
                return
            }
            self.show(state)
            let now = state["bytes_done"]?.intValue ?? -1
            if now != bytes { last = clock.now }
            bytes = now
            try await clock.sleep(for: .milliseconds(500))
        }
        throw OneMachineError("the import has stopped getting on. Next: gantry events")
    }

    private func show(_ state: JSONValue) {
        guard let done = state["bytes_done"]?.intValue, let total = state["bytes_total"]?.intValue, total > 0 else {
            self.progress.step("importing images", fraction: nil)
            return
        }
        let files = "\(state["files_done"]?.intValue ?? 0) of \(state["files_total"]?.intValue ?? 0) files"
        self.progress.step(
            "importing images: \(files), \(done / 1_000_000) of \(total / 1_000_000) MB", fraction: Double(done) / Double(total))
    }

    private func newestEvent() async throws -> Int {
        let answer = try await self.client.get("events/", [("op", "query"), ("limit", "1")])
        return answer["events"]?.arrayValue?.first?["id"]?.intValue ?? 0
    }

    private func refuseFailure(after id: Int) async throws {
        let answer = try await self.client.get("events/", [("op", "query"), ("limit", "100"), ("after", "\(id)"), ("level", "ERROR")])
        guard let event = answer["events"]?.arrayValue?.first(where: { $0["type"]?.stringValue == "Image import failed" }) else { return }
        throw OneMachineError("the images were not imported: \(event["description"]?.stringValue ?? "")\nNext: gantry images import")
    }
}
