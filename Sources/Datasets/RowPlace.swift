import ModelFiles

/// Where a row stands, for messages.
struct RowPlace {
    let file: String
    /// Its line, or in a document its number.
    let number: Int
    /// What a document calls it; nil for lines.
    let name: String?

    var isDocument: Bool { name != nil }

    /// A line of a file.
    init(file: String, line: Int) {
        self.file = file
        number = line
        name = nil
    }

    /// A question of a document.
    init(file: String, number: Int, id: JSONValue?) {
        self.file = file
        self.number = number
        name = id?.className.map { "question \(quoted($0))" } ?? "question \(number) of the document"
    }

    /// A row of an array whose rows have no lines of their own, counted from 1.
    init(file: String, row: Int) {
        self.file = file
        number = row
        name = "row \(row) of the array"
    }

    /// `line 3`, `question '3'`, `row 3 of the array`
    var shown: String { name ?? "line \(number)" }

    func problem(_ what: String, _ advice: String) -> DataError {
        DataError(
            file: file, line: isDocument ? nil : number, problem: (name.map { "\($0): " } ?? "") + what,
            advice: advice)
    }
}
