// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// The results of the last operations, by id; the oldest goes when a new one finds no room.
struct RememberedResults {
    private var results: [String: PowerResult] = [:]
    private var order: [String] = []
    private var oldest = 0
    private let limit: Int

    init(limit: Int) {
        self.limit = limit
    }

    var count: Int { self.results.count }

    subscript(id: String) -> PowerResult? { self.results[id] }

    mutating func remember(_ result: PowerResult, id: String) {
        guard self.limit > 0, self.results.updateValue(result, forKey: id) == nil else { return }
        guard self.order.count == self.limit else {
            self.order.append(id)
            return
        }
        // The ids form a ring.
        self.results[self.order[self.oldest]] = nil
        self.order[self.oldest] = id
        self.oldest = (self.oldest + 1) % self.limit
    }
}
