import Messages

/// Tables below each other in columns that align, each headed by its title.
struct SectionTable {
    /// Behind the first column, which the titles head.
    private let columns: [(header: String, alignment: TextTable.Alignment)]
    private var sections: [(title: String, rows: [[String]])] = []

    init(_ columns: [(header: String, alignment: TextTable.Alignment)]) { self.columns = columns }

    mutating func add(_ title: String, _ rows: [[String]]) {
        if !rows.isEmpty { sections.append((title, rows)) }
    }

    /// A blank line between sections; the first column is shortened so that lines have at most `width` columns.
    func terminal(width: Int) -> [String] {
        guard let first = sections.first else { return [] }
        var table = TextTable([(first.title, .left)] + columns)
        for (index, section) in sections.enumerated() {
            if index > 0 { table.add([section.title] + columns.map(\.header)) }
            for row in section.rows { table.add(row) }
        }
        var left = table.terminal(width: width)[...]
        let blocks = sections.map { section in
            let block = left.prefix(section.rows.count + 1)
            left = left.dropFirst(block.count)
            return Array(block)
        }
        return Array(blocks.joined(separator: [""]))
    }
}
