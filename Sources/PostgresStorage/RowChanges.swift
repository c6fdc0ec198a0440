// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// How the rows that are stored differ from the wanted ones.
struct RowChanges<Row: Equatable & Sendable>: Sendable {
    /// Ids of stored rows that are wanted no more.
    var removed: [Int] = []
    /// Wanted rows with the id of a stored row that is not equal.
    var changed: [Row] = []
    /// Wanted rows with the id 0.
    var added: [Row] = []
    /// Ids of wanted rows that are not stored, or wanted twice.
    var unknown: [Int] = []

    init(stored: [Row], wanted: [Row], id: (Row) -> Int) {
        var left = Dictionary(stored.map { (id($0), $0) }) { first, _ in first }
        for row in wanted {
            if id(row) == 0 {
                self.added.append(row)
            } else if let old = left.removeValue(forKey: id(row)) {
                if old != row { self.changed.append(row) }
            } else {
                self.unknown.append(id(row))
            }
        }
        self.removed = left.keys.sorted()
    }
}
