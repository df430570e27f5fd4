import ModelFiles

/// Rows with several labels, and sentences with a tag for each word.
extension DatasetBuilder {
    /// The label of a field: one, or for label sets what stands between the separators, nothing being the empty set.
    func label(_ field: String, line: Int) throws -> RawLabel? {
        let isBlank = field.allSatisfy(\.isWhitespace)
        guard case .labelSets(let separator) = form else { return isBlank ? nil : .text(field) }
        if isBlank { return .list([]) }
        let names = pieces(of: field, separator: separator)
        if names.count > LabelSet.mostClasses {
            throw problem(
                "more than \(LabelSet.mostClasses) labels in the row", line: line, "check the label column")
        }
        if names.contains(where: \.isEmpty) {
            throw problem(
                "an empty label among \(quoted(field))", line: line,
                "write labels with one \(quoted(separator)) between them, or give --label-separator")
        }
        return .list(try distinct(names, line: line))
    }

    /// What stands between separators, without the white space around it.
    private func pieces(of field: String, separator: String) -> [String] {
        let (bytes, mark) = (Array(field.utf8), Array(separator.utf8))
        var pieces: [[UInt8]] = [[]]
        var index = 0
        while index < bytes.count, pieces.count <= LabelSet.mostClasses {
            if bytes[index...].starts(with: mark) {
                pieces.append([])
                index += mark.count
            } else {
                pieces[pieces.count - 1].append(bytes[index])
                index += 1
            }
        }
        return pieces.map { piece in
            let text = String(decoding: piece, as: UTF8.self).drop(while: \.isWhitespace)
            return String(text.reversed().drop(while: \.isWhitespace).reversed())
        }
    }

    func distinct(_ names: [String], line: Int) throws -> [String] {
        var seen: Set<String> = []
        if let twice = names.first(where: { !seen.insert($0).inserted }) {
            throw problem("label \(quoted(twice)) occurs twice in the row", line: line, "name it once")
        }
        return names
    }

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
