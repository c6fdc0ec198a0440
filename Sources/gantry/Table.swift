// Gantry: bare metal as a cloud.
// SPDX-License-Identifier: Apache-2.0

/// Columns as wide as their widest entry.
struct Table {
    private var rows: [[String]]

    init(_ header: String...) {
        self.rows = [header]
    }

    mutating func add(_ cells: String...) {
        self.rows.append(cells)
    }

    var text: String {
        let columns = self.rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in self.rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0 }
        return self.rows.map { row in
            let line = row.enumerated().map { index, cell in
                index == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[index] - cell.count + 2)
            }
            return line.joined()
        }.joined(separator: "\n")
    }
}
