import Messages
import ModelFiles

/// What a row says of its labels, before the whole file shows how that is meant.
enum LabelSource {
    /// A text that is no list of its own: names with separators between them.
    case field(String)
    /// Names of labels, or one 0 or 1 for each.
    case values([String])
    /// A 0 or 1 for each named label.
    case flags([(name: String, isSet: Bool)])
}

/// The labels of all rows of a file of label sets. Whether `[1, 0]` names labels 1 and 0 or says that a row has the first
/// label alone only the other rows tell.
struct LabelSetRows {
    private let file: String
    /// nil leaves it to the file.
    private let separator: String?
    private var rows: [(line: Int, source: LabelSource)] = []

    init(file: String, separator: String?) {
        self.file = file
        self.separator = separator
    }

    var isEmpty: Bool { rows.isEmpty }

    mutating func add(_ source: LabelSource, line: Int) { rows.append((line, source)) }

    struct Settled {
        /// Names of each row's labels
        var names: [[String]] = []
        /// What vectors and columns name, also where no row has it; nil where rows name their labels.
        var declared: [String]?
        /// Values of each row's vector of 0 and 1; nil where rows are no vectors.
        var width: Int?
        var warnings: [String] = []
    }

    /// - Throws: `DataError` for rows that do not agree on a form, a label that is empty or named twice.
    func settled() throws -> Settled {
        var settled = Settled()
        let separator = try chosenSeparator(&settled.warnings)
        var values: [(row: Int, values: [String])] = []
        var declared: [String] = []
        var known: Set<String> = []
        settled.names = Array(repeating: [], count: rows.count)
        for (index, row) in rows.enumerated() {
            switch row.source {
            case .flags(let flags):
                settled.names[index] = flags.filter(\.isSet).map(\.name)
                for flag in flags where known.insert(flag.name).inserted { declared.append(flag.name) }
            case .values(let list): values.append((index, list))
            case .field(let text): values.append((index, try pieces(of: text, separator, line: row.line)))
            }
        }
        if let width = try vectorWidth(values) {
            settled.width = width
            declared += (0..<width).map { "\($0)" }
            for (row, flags) in values {
                settled.names[row] = flags.indices.filter { Self.flag(flags[$0]) == true }.map { "\($0)" }
            }
        } else {
            for (row, names) in values { settled.names[row] = try distinct(names, line: rows[row].line) }
        }
        settled.declared = declared.isEmpty ? nil : declared
        return settled
    }

    // MARK: Vectors

    /// 0 or 1 as programs write it; nil for anything else.
    static func flag(_ text: String) -> Bool? {
        switch text.lowercased() {
        case "0", "0.0", "0.", "false": false
        case "1", "1.0", "1.", "true": true
        default: nil
        }
    }

    /// How many values each row's vector has; nil where rows name their labels. A list that holds nothing but 0 and 1 is a
    /// vector where all rows have as many: as names, each row would have every label.
    private func vectorWidth(_ lists: [(row: Int, values: [String])]) throws -> Int? {
        let widths = lists.lazy.map(\.values.count)
        guard let width = widths.max(), width > 1,
            lists.allSatisfy({ $0.values.allSatisfy { Self.flag($0) != nil } })
        else { return nil }
        let nonempty = Set(widths.filter { $0 > 0 })
        let repeats = lists.contains { list in
            list.values.count(where: { Self.flag($0) == true }) > 1
                || list.values.count(where: { Self.flag($0) == false }) > 1
        }
        guard nonempty.count == 1 || repeats else { return nil }
        if let other = lists.first(where: { $0.values.count != lists[0].values.count }) {
            throw problem(
                "\(other.values.count) values of 0 and 1 where line \(rows[lists[0].row].line) has "
                    + "\(lists[0].values.count)", line: rows[other.row].line,
                "give each row one 0 or 1 for each label, or the names of its labels")
        }
        return width
    }

    // MARK: Separators

    /// The one that was asked for; else `|`, or where no row has it `;` or `,`, with a warning.
    private func chosenSeparator(_ warnings: inout [String]) throws -> String? {
        if let separator { return separator }
        let fields = rows.compactMap { row in
            if case .field(let text) = row.source { text } else { nil }
        }
        func count(_ mark: String) -> Int {
            fields.count { $0.utf8.contains(mark.utf8.first ?? 0) }
        }
        if count("|") > 0 { return "|" }
        if let mark = [";", ","].first(where: { count($0) > 0 }) {
            // Vectors need no choice of a person's.
            if !fields.allSatisfy({ Self.flags(in: $0, mark) != nil }) {
                warnings.append(
                    "\(oneLine(file)): no label has '|', \(DataFinding.counted(count(mark), "row")) '\(mark)': labels are "
                        + "read as lists with '\(mark)' between them; say what stands there with \(SettingName.labelSeparator)"
                )
            }
            return mark
        }
        let areVectors = fields.count > 1 && fields.allSatisfy { (Self.flags(in: $0, " ")?.count ?? 0) > 1 }
        return areVectors ? " " : nil
    }

    /// The values of a text of nothing but 0 and 1 with one separator.
    static func flags(in text: String, _ separator: String) -> [Bool]? {
        let pieces = cut(text, at: separator, limit: LabelSet.mostClasses)
        let flags = pieces.compactMap(flag)
        return flags.count == pieces.count ? flags : nil
    }

    private func pieces(of text: String, _ separator: String?, line: Int) throws -> [String] {
        guard let separator else { return [trimmed(text)] }
        let names = Self.cut(text, at: separator, limit: LabelSet.mostClasses)
        if names.count > LabelSet.mostClasses {
            throw problem(
                "more than \(LabelSet.mostClasses) labels in the row", line: line, "check the label column")
        }
        if names.contains(where: \.isEmpty) {
            throw problem(
                "an empty label among \(quoted(text))", line: line,
                "write labels with one \(quoted(separator)) between them, or give \(SettingName.labelSeparator)"
            )
        }
        return names
    }

    /// What stands between separators, without the white space around it; at most one piece more than `limit`.
    private static func cut(_ text: String, at separator: String, limit: Int) -> [String] {
        let (bytes, mark) = (Array(text.utf8), Array(separator.utf8))
        var pieces: [[UInt8]] = [[]]
        var index = 0
        while index < bytes.count, pieces.count <= limit {
            if bytes[index...].starts(with: mark) {
                pieces.append([])
                index += mark.count
            } else {
                pieces[pieces.count - 1].append(bytes[index])
                index += 1
            }
        }
        let texts = pieces.map { trimmed(String(decoding: $0, as: UTF8.self)) }
        // Several spaces separate as one.
        return separator == " " ? texts.filter { !$0.isEmpty } : texts
    }

    private func distinct(_ names: [String], line: Int) throws -> [String] {
        var seen: Set<String> = []
        if let twice = names.first(where: { !seen.insert($0).inserted }) {
            let advice =
                Self.flag(twice) == nil
                ? "name it once" : "name it once; rows of 0 and 1, one for each label, hold nothing else"
            throw problem("label \(quoted(twice)) occurs twice in the row", line: line, advice)
        }
        return names
    }

    private func problem(_ what: String, line: Int, _ advice: String) -> DataError {
        DataError(file: file, line: line, problem: what, advice: advice)
    }
}
