import ModelFiles

/// What a row has for a label.
enum RowLabels {
    case one(RawLabel)
    case several(LabelSource)
}

/// The label of a row, in the shapes that other programs write.
extension DatasetBuilder {
    /// - Parameter name: of the label column, where there is one of it.
    func rowLabels(
        _ columns: ChosenColumns, _ name: String?, of values: [String: JSONValue], line: Int
    ) throws -> RowLabels? {
        // Who asks for no labels does not care about their shape.
        if !requireLabels {
            guard form.hasSingleLabels, let name,
                let label = try? label(values[name], column: name, line: line)
            else { return nil }
            return .one(label)
        }
        if columns.labels.count > 1 {
            return .several(
                .flags(
                    try columns.labels.map {
                        ($0, try flag(values[$0]?.className, of: $0, line: line))
                    }))
        }
        guard let name else { return nil }
        if form.hasSingleLabels {
            return try label(values[name], column: name, line: line).map { .one($0) }
        }
        return try labelSource(values[name], column: name, line: line).map { .several($0) }
    }

    /// - Parameter fields: of the label columns.
    func rowLabels(_ columns: ChosenColumns, _ fields: [String], line: Int) throws -> RowLabels? {
        guard let field = fields.first else { return nil }
        if !requireLabels {
            guard form.hasSingleLabels, let label = try? label(field, line: line) else { return nil }
            return .one(label)
        }
        if fields.count > 1 {
            return .several(
                .flags(
                    try zip(columns.labels, fields).map { ($0, try flag($1, of: $0, line: line)) }))
        }
        if form.hasSingleLabels { return try label(field, line: line).map { .one($0) } }
        return .several(try labelSource(field, line: line))
    }

    /// One label a row, each of which is a vector of 0 and 1 of one length, is no label.
    func checkSingleLabels(_ examples: [Example]) throws {
        guard form.hasSingleLabels, requireLabels, examples.count > 1 else { return }
        for separator in [",", ";", "|", " "] {
            var width: Int?
            let areVectors = examples.allSatisfy { example in
                guard case .text(let text)? = example.label,
                    let flags = LabelSetRows.flags(in: text, separator), flags.count > 1,
                    flags.count == width ?? flags.count
                else { return false }
                width = flags.count
                return true
            }
            guard areVectors, let label = examples.first?.label else { continue }
            throw DataError(
                file: file, problem: "all labels are rows of 0 and 1, such as \(quoted(label.className))",
                advice: Self.severalLabels)
        }
    }
    /// A field of a form with one label a row; nil where it is empty.
    func label(_ field: String, line: Int) throws -> RawLabel? {
        if field.allSatisfy(\.isWhitespace) { return nil }
        if LabelLiteral(field) != nil {
            throw problem("label \(quoted(field)) is a list", line: line, Self.severalLabels)
        }
        return .text(field)
    }

    static let severalLabels = "for several labels a row train for multi-label, else give one"

    /// A value of a form with one label a row.
    func label(_ value: JSONValue?, column: String, line: Int) throws -> RawLabel? {
        switch value {
        case nil, .null: return nil
        case .string(let text): return try label(text, line: line)
        case .number(let number): return .number(number)
        case .array:
            throw problem("label column \(quoted(column)) is a list", line: line, Self.severalLabels)
        case let value?:
            // As text, so that no two of them become one Double.
            if let name = value.className { return .text(name) }
            throw problem(
                "label column \(quoted(column)) is \(value.kind)", line: line,
                "a label is a string, a number, true or false")
        }
    }

    /// A field of label sets, nothing being the empty set.
    func labelSource(_ field: String, line: Int) throws -> LabelSource {
        if field.allSatisfy(\.isWhitespace) { return .values([]) }
        switch LabelLiteral(field) {
        case .list(let values)?: return .values(try labelNames(values, in: field, line: line))
        case .mapping(let members)?: return .flags(try flags(members, line: line))
        case nil where LabelLiteral.isBracketed(field):
            throw problem(
                "labels \(quoted(field)) are in brackets, but no list of names in quotes", line: line,
                "write them as [\"a\", \"b\"], or with '|' between them")
        case nil: return .field(field)
        }
    }

    /// A value of label sets; nil for none at all.
    func labelSource(_ value: JSONValue?, column: String, line: Int) throws -> LabelSource? {
        switch value {
        case nil, .null: return nil
        case .array(let values): return .values(try labelNames(values, in: column, line: line))
        case .object(let members): return .flags(try flags(members, line: line))
        case .string(let text)? where LabelLiteral(text) != nil: return try labelSource(text, line: line)
        case let value?:
            throw problem(
                "label column \(quoted(column)) is \(value.kind), not an array", line: line,
                "write the row's labels as [\"a\", \"b\"]")
        }
    }

    private func labelNames(_ values: [JSONValue], in place: String, line: Int) throws -> [String] {
        if values.count > LabelSet.mostClasses {
            throw problem(
                "more than \(LabelSet.mostClasses) labels in the row", line: line, "check the label column")
        }
        return try values.map { value in
            if case .number(let number) = value, number != number.rounded() {
                throw problem(
                    "\(number) among labels is neither 0 nor 1", line: line,
                    "give 0 or 1 for each label; put names in quotes")
            }
            guard let name = value.className else {
                throw problem(
                    "\(quoted(place)) holds \(value.kind)", line: line,
                    "each label is a string, a number, true or false")
            }
            if name.allSatisfy(\.isWhitespace) {
                throw problem("an empty label in \(quoted(place))", line: line, "name it or leave it out")
            }
            return name
        }
    }

    private func flags(_ members: JSONObject, line: Int) throws -> [(name: String, isSet: Bool)] {
        try members.members.map { name, value in
            (name, try flag(value.className, of: name, line: line))
        }
    }

    /// - Parameter name: of the label, a column or a key.
    func flag(_ text: String?, of name: String, line: Int) throws -> Bool {
        guard let flag = text.flatMap({ LabelSetRows.flag(trimmed($0)) }) else {
            let what = text.map { $0.allSatisfy(\.isWhitespace) ? "empty" : quoted($0) } ?? "missing"
            throw problem(
                "label \(quoted(name)) is \(what), neither 0 nor 1", line: line,
                "give each row 0 or 1 for each of these labels")
        }
        return flag
    }
}
