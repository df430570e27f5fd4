/// Which fields of a table's rows are read.
struct TableFields {
    let header: [String]
    let columns: ChosenColumns
    /// Positions of one text or two
    let texts: [Int]
    let labels: [Int]

    init(_ table: OpenedTable) {
        header = table.header.fields
        columns = table.columns
        let header = header
        func index(_ name: String) -> Int? { header.firstIndex(of: name) }
        texts = ([table.columns.text] + (table.columns.pair.map { [$0] } ?? [])).compactMap(index)
        labels = table.columns.labels.compactMap(index)
    }
}

extension OpenedTable {
    /// As a report shows its columns.
    func described(_ format: DataFormat, _ form: RowForm) -> DatasetColumns {
        let delimiter = reader.delimiter == Delimiter(of: format) ? nil : reader.delimiter
        guard form == .conversations else {
            return DatasetColumns(columns, of: header.fields, delimiter: delimiter)
        }
        let texts = [columns.text] + (columns.pair.map { [$0] } ?? [])
        return DatasetColumns(
            text: texts, used: ConversationLayout(header: texts).used, of: header.fields,
            delimiter: delimiter)
    }
}
