import Messages

/// Which columns of a file of words and tags are read, and which of its doubtful lines are words.
struct TagColumns {
    /// By what the file calls its columns; nil where it names none.
    private(set) var names: [String]?
    /// Position of the words.
    private(set) var word = 0
    /// Position of the tags; nil where there are none.
    private(set) var tag: Int?
    /// The first column counts the words, as in CoNLL-U.
    private(set) var hasNumbers = false
    /// Lines that are read as comments although they have a word's columns, and the first of them.
    private(set) var commentsLikeWords: (count: Int, first: Int) = (0, 0)

    static let universal = [
        "ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC",
    ]
    private static let wordNames = ["form", "word", "words", "token", "tokens", "text"]
    private static let tagNames = [
        "tag", "tags", "label", "labels", "ner", "ner_tag", "ner_tags", "ner-tag", "ner-tags", "ne", "bio",
        "iob", "entity", "entities",
    ]
    private static let otherNames = [
        "id", "index", "lemma", "pos", "pos_tag", "pos_tags", "upos", "xpos", "chunk", "chunk_tag",
        "chunk_tags",
        "feats", "head", "deprel", "deps", "misc",
    ]

    /// Settles the doubtful lines of `file`.
    init(_ file: inout TagFile, wanted: ColumnNames, requireLabels: Bool) throws {
        try readNames(&file)
        let wanted = orTrained(wanted, file)
        try readNumbers(file, wanted)
        try choose(file, wanted, requireLabels)
        try settle(&file)
        if requireLabels, wanted.label == nil, names == nil { try checkOneTagColumn(file) }
    }

    /// `# global.columns = ID FORM …` (CoNLL-U Plus), a header of well-known names, or the ten columns of CoNLL-U.
    private mutating func readNames(_ file: inout TagFile) throws {
        let mark = "# global.columns ="
        if let line = file.lines.first(where: { $0.kind == .doubtful && file.text($0).hasPrefix(mark) }) {
            let found = file.text(line).dropFirst(mark.count).split { $0 == " " || $0 == "\t" }.map(
                String.init)
            guard found.count == file.columns else {
                throw file.problem(
                    "\(found.count) columns named where words have \(file.columns)", line: line.number,
                    "name each column once")
            }
            names = found
            return
        }
        guard let first = file.lines.firstIndex(where: { $0.kind == .word }) else { return }
        let header = file.fields(file.lines[first])
        let known = header.map { $0.lowercased() }
        let isHeader =
            known.count == file.columns && known.count > 1
            && known.allSatisfy { (Self.wordNames + Self.tagNames + Self.otherNames).contains($0) }
            && known.contains(where: Self.wordNames.contains)
        // A sentence that begins with the word "Word" has tags that others have too.
        let others = file.lines.filter { $0.kind == .word }.dropFirst()
        guard isHeader, !others.contains(where: { file.fields($0).last == header.last }) else { return }
        names = header
        file.settle(first, as: .comment)
    }

    private mutating func readNumbers(_ file: TagFile, _ wanted: ColumnNames) throws {
        var (last, begins, longest, isCounting) = (0, true, 0, true)
        var firstOdd: Int?
        for line in file.lines {
            guard line.kind == .word else {
                if line.kind == .boundary { begins = true }
                continue
            }
            guard let number = WordNumber((file.fields(line).first ?? "").utf8) else { return }
            guard case .word(let value) = number else { continue }
            // From 0 or 1 in each sentence, or on through the file.
            let goesOn = value == last + 1 || (begins && value <= 1)
            if !goesOn {
                isCounting = false
                firstOdd = firstOdd ?? line.number
            }
            (longest, last, begins) = (max(longest, value), value, false)
        }
        guard file.columns > 1, longest > 0 else { return }
        let isUniversal = file.columns == Self.universal.count
        if isCounting && (longest > 1 || isUniversal) {
            hasNumbers = true
            if names == nil, isUniversal { names = Self.universal }
        } else if file.columns > 2 {
            guard names != nil || wanted.text != nil else {
                throw file.problem(
                    "the first column holds numbers that do not count the words of a sentence",
                    line: firstOdd,
                    "choose the column of the words with \(SettingName.textColumn), such as 2")
            }
            hasNumbers = true
        }
    }

    private mutating func choose(_ file: TagFile, _ wanted: ColumnNames, _ requireLabels: Bool) throws {
        if let texts = wanted.text {
            guard texts.count == 1 else {
                throw file.problem(
                    "\(texts.count) columns of words were asked for", line: nil,
                    "name one with \(SettingName.textColumn)"
                )
            }
            word = try position(texts[0], SettingName.textColumn.description, file)
        } else {
            let named = names?.firstIndex { Self.wordNames.contains($0.lowercased()) }
            word = named ?? (hasNumbers ? 1 : 0)
            if file.hasDocumentMarks && file.columns > 6 {
                throw file.problem(
                    "the columns are those of CoNLL-2012 (document, part, number, word, …)", line: nil,
                    "write a word and its tag on each line")
            }
        }
        hasNumbers = hasNumbers && word > 0
        tag =
            try wanted.label.map { try position($0, SettingName.labelColumn.description, file) }
            ?? usualTag(file, requireLabels)
        guard word != tag else {
            throw file.problem(
                "column \(quoted(name(word))) is both text and label", line: nil, "name two different columns"
            )
        }
    }

    /// With the columns that an adapter was trained on, where this file has them and nobody asks for others.
    private func orTrained(_ wanted: ColumnNames, _ file: TagFile) -> ColumnNames {
        func known(_ columns: [String]?) -> [String]? {
            guard let columns, columns.count == 1, (try? position(columns[0], "", file)) != nil else {
                return nil
            }
            return columns
        }
        return ColumnNames(
            text: wanted.text ?? known(wanted.trained?.text),
            label: wanted.label ?? known(wanted.trained?.labels)?[0], delimiter: wanted.delimiter)
    }

    /// A column that nobody asked for by name.
    private func usualTag(_ file: TagFile, _ requireLabels: Bool) throws -> Int? {
        guard let names else { return file.columns > word + 1 ? file.columns - 1 : nil }
        let lower = names.map { $0.lowercased() }
        let universal = Set(Self.universal.map { $0.lowercased() })
        // One that is called a tag, else the only one that CoNLL-U does not have, else the only one beside the word.
        let choices = [
            lower.indices.filter { Self.tagNames.contains(lower[$0]) },
            lower.indices.filter { $0 != word && !universal.contains(lower[$0]) },
            lower.indices.filter { $0 != word && lower[$0] != "id" },
        ]
        if let only = choices.first(where: { $0.count == 1 }) { return only[0] }
        guard requireLabels else { return nil }
        throw file.problem(
            "several columns could hold the tags", line: nil,
            "the columns are \(quotedList(names, limit: 20)): choose one with \(SettingName.labelColumn)")
    }

    /// Of a column's name, or its number from 1, from −1 backwards.
    private func position(_ wanted: String, _ option: String, _ file: TagFile) throws -> Int {
        if let index = names?.firstIndex(of: wanted)
            ?? names?.firstIndex(where: { $0.lowercased() == wanted.lowercased() })
        {
            return index
        }
        if let number = Int(wanted) {
            if (1...max(1, file.columns)).contains(number) { return number - 1 }
            if number < 0, -number <= file.columns { return file.columns + number }
        }
        throw file.problem(
            "no column \(quoted(wanted))", line: nil,
            (names.map { "the columns are \(quotedList($0, limit: 20)): " } ?? "")
                + "give \(option) a \(names == nil ? "" : "name or a ")number from 1 to \(file.columns)")
    }

    private func name(_ index: Int) -> String { names?[index] ?? "\(index + 1)" }

    /// As a report shows them.
    func described(columns: Int) -> DatasetColumns {
        DatasetColumns(
            text: [name(word)], label: tag.map(name),
            unused: (0..<columns).filter { $0 != word && $0 != tag }.map(name))
    }

    /// Two columns of spans with types in common are outer and inner names (GermEval): neither is the usual one.
    private func checkOneTagColumn(_ file: TagFile) throws {
        guard let tag, tag > word + 1 else { return }
        var (here, before): (Set<String>, Set<String>) = ([], [])
        for line in file.lines where line.kind == .word {
            let fields = file.fields(line)
            guard fields.count == file.columns else { continue }
            here.insert(fields[tag])
            before.insert(fields[tag - 1])
        }
        func types(_ tags: Set<String>) -> Set<String> {
            guard tags.count <= LabelSet.mostClasses else { return [] }
            return TagScheme(names: tags.sorted()).types
        }
        let (own, other) = (types(here), types(before))
        let areNested = hasNumbers && file.columns == 4 && !other.isEmpty && (!own.isEmpty || here == ["O"])
        guard areNested || !own.isDisjoint(with: other) else { return }
        throw file.problem(
            "columns \(tag) and \(tag + 1) both hold tags of spans", line: nil,
            "choose one with \(SettingName.labelColumn) \(tag) or \(SettingName.labelColumn) \(tag + 1)")
    }

    private mutating func settle(_ file: inout TagFile) throws {
        var known: Set<String> = []
        if let tag {
            for line in file.lines where line.kind == .word {
                let fields = file.fields(line)
                if fields.count == file.columns { known.insert(fields[tag]) }
            }
        }
        var isStart = true
        for index in file.lines.indices {
            let line = file.lines[index]
            if line.kind == .doubtful {
                let isMarkup = file.text(line).drop { $0 == " " }.first == "<"
                let kind = isMarkup ? markup(line, file) : hash(line, file, isStart: isStart, known: known)
                file.settle(index, as: kind)
            }
            switch file.lines[index].kind {
            case .boundary: isStart = true
            case .word: isStart = false
            case .comment, .doubtful: break
            }
        }
    }

    /// A comment stands before a sentence's first word; with as many columns as a word, it is one where its tag is not
    /// like those of other words.
    private mutating func hash(_ line: TagFile.Line, _ file: TagFile, isStart: Bool, known: Set<String>)
        -> TagFile.Kind
    {
        // No word begins in a column of numbers.
        if hasNumbers { return .comment }
        let fields = file.fields(line)
        let pieces = file.text(line).split(whereSeparator: \.isWhitespace)
        let saysValue =
            pieces.count > 2 && (pieces[2] == "=" || (pieces[1].count > 1 && pieces[1].contains("=")))
        guard fields.count == file.columns else {
            if !isStart || (pieces.count == 1 && !pieces[0].contains("=")) { return .word }
            // Rather a word that lost a column.
            let isTagged = pieces.last.map { known.contains(String($0)) } ?? false
            return isTagged && !saysValue && pieces.count < file.columns ? .word : .comment
        }
        guard isStart, let tag, pieces.first == "#" else { return .word }
        if saysValue { return .comment }
        if fields[tag].isEmpty || Self.isLike(known, fields[tag]) { return .word }
        if !fields[tag].contains("=") {
            commentsLikeWords = (
                commentsLikeWords.count + 1,
                commentsLikeWords.count == 0 ? line.number : commentsLikeWords.first
            )
        }
        return .comment
    }

    /// Whether a tag is one of those known, or could be: a part of spans among such, or else without small letters and digits
    /// where none has some.
    private static func isLike(_ known: Set<String>, _ tag: String) -> Bool {
        if known.contains(tag) { return true }
        guard known.count <= LabelSet.mostClasses else { return false }
        if TagScheme(names: known.sorted()).hasSpans {
            return TagScheme(names: known.sorted() + [tag]).hasSpans
        }
        return (Array(known) + [tag]).allSatisfy {
            !$0.contains { $0.isLowercase || $0.isNumber || $0 == "=" }
        }
    }

    private static let sentenceMarks: Set<String> = [
        "doc", "document", "docs", "text", "p", "s", "sent", "sentence", "file", "corpus", "head", "body",
    ]

    /// `<doc id="1">`, `</s>` and the like of vertical files, which stand alone on their lines.
    private func markup(_ line: TagFile.Line, _ file: TagFile) -> TagFile.Kind {
        let text = file.text(line).drop { $0 == " " || $0 == "\t" }
        guard text.last == ">", text.dropFirst().firstIndex(of: "<") == nil else { return .word }
        let inner = text.dropFirst().dropLast().drop { $0 == "/" }
        let name = inner.prefix { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "-" }
        let rest = inner.dropFirst(name.count)
        let hasValues = rest.first == " " && rest.contains("=\"") && rest.last == "\""
        let isBare = rest.isEmpty || rest == "/"
        // "No space here"
        if name == "g" && rest == "/" { return .comment }
        guard hasValues || (isBare && Self.sentenceMarks.contains(name.lowercased())) else { return .word }
        return .boundary
    }
}

extension DatasetColumns {
    /// Columns of a file that has numbers for them, or names of its own.
    init(text: [String], label: String?, unused: [String]) {
        self.text = text
        self.labels = label.map { [$0] } ?? []
        self.unused = unused
        self.delimiter = nil
    }
}
