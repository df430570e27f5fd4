import ModelFiles

/// Sentences with a tag for each word.
extension DatasetBuilder {
    /// An array of class names; nil for none at all.
    func names(_ value: JSONValue?, column: String, line: Int) throws -> [String]? {
        switch value {
        case nil, .null: return nil
        case .array(let values):
            return try values.map { value in
                guard let name = value.className else {
                    throw problem(
                        "\(quoted(column)) holds \(value.kind)", line: line,
                        "each label is a string, a number, true or false")
                }
                return name
            }
        case let value?:
            throw problem(
                "label column \(quoted(column)) is \(value.kind), not an array", line: line,
                "write the row's labels as [\"a\", \"b\"]")
        }
    }

    func words(_ column: String, of values: [String: JSONValue], line: Int) throws -> [String] {
        guard case .array(let list)? = values[column] else {
            throw problem(
                "\(quoted(column)) is \(values[column]?.kind ?? "missing"), not an array of words",
                line: line,
                "write the row's words as [\"a\", \"b\"]")
        }
        return try list.map { value in
            guard case .string(let word) = value else {
                throw problem(
                    "\(quoted(column)) holds \(value.kind)", line: line, "each word is a string in quotes")
            }
            return word
        }
    }

    mutating func add(words: [String], tags: [String]?, line: Int) throws {
        if words.isEmpty { throw problem("the row has no words", line: line, "remove it") }
        if let tags, tags.count != words.count {
            throw problem(
                "\(words.count) words with \(tags.count) labels", line: line,
                "give each word one label, \"O\" where there is none")
        }
        if let tags, let index = tags.firstIndex(where: { $0.allSatisfy(\.isWhitespace) }) {
            throw problem("word \(index + 1) has an empty label", line: line, "write \"O\" for none")
        }
        try add(
            text: words.joined(separator: " "), pair: nil, label: tags.map { .list($0) }, line: line,
            words: words)
    }
}
