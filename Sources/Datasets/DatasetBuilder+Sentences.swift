import Messages

/// Sentences in files of one word a line.
extension DatasetBuilder {
    /// CoNLL: a word first and its tag last unless the file or `wanted` says otherwise, blank lines between sentences.
    mutating func readSentences(_ source: SourceText, wanted: ColumnNames) throws {
        var lines = try TagFile(source)
        let columns = try TagColumns(&lines, wanted: wanted, requireLabels: requireLabels)
        var (words, tags): ([String], [String]) = ([], [])
        var first = 0
        var passed: (count: Int, first: Int) = (0, 0)
        func close(_ builder: inout DatasetBuilder) throws {
            guard !words.isEmpty else { return }
            try builder.add(words: words, tags: columns.tag == nil ? nil : tags, line: first)
            (words, tags) = ([], [])
        }
        for line in lines.lines {
            if line.kind == .boundary { try close(&self) }
            guard line.kind == .word else { continue }
            let fields = lines.fields(line)
            guard fields.count == lines.columns else { throw mismatch(fields, line, lines) }
            if columns.hasNumbers, let number = WordNumber(fields[0].utf8),
                number == .range || number == .emptyNode
            {
                passed = (passed.count + 1, passed.count == 0 ? line.number : passed.first)
                continue
            }
            if fields[columns.word].isEmpty {
                throw problem("an empty word", line: line.number, "remove the line")
            }
            if words.isEmpty { first = line.number }
            words.append(fields[columns.word])
            guard let tag = columns.tag else {
                guard requireLabels else { continue }
                throw problem(
                    "a word without a tag", line: line.number, "write a word and its tag on each line")
            }
            tags.append(try checked(fields[tag], line: line.number))
        }
        try close(&self)
        keep(columns.described(columns: lines.columns))
        if passed.count > 0 {
            note(
                "\(DataFinding.counted(passed.count, "line")) of multiword tokens or empty nodes passed over, first at "
                    + "line \(passed.first); their words stand on lines of their own")
        }
        let comments = columns.commentsLikeWords
        if comments.count > 0 {
            note(
                "\(DataFinding.counted(comments.count, "line")) with # and as many columns as a word read as "
                    + "\(comments.count == 1 ? "a comment" : "comments"), first at line \(comments.first); no word has "
                    + "such a tag")
        }
    }

    private func mismatch(_ fields: [String], _ line: TagFile.Line, _ file: TagFile) -> DataError {
        let isComment = file.text(line).hasPrefix("#")
        let shown = fields.count == 1 ? "1 column" : "\(fields.count) columns"
        return problem(
            "\(shown) where other lines have \(file.columns)", line: line.number,
            "write a word and its tag on each line"
                + (isComment ? ", and a comment with '# ' before the first word of a sentence" : ""))
    }

    private func checked(_ tag: String, line: Int) throws -> String {
        if tag.isEmpty { throw problem("the word has an empty tag", line: line, "write \"O\" for none") }
        if tag.contains(" ") {
            throw problem(
                "tag \(quoted(tag)) has spaces", line: line, "write one word and its tag on each line")
        }
        // `(PERSON*`, `*`, `*)`
        if tag.hasPrefix("("), tag.contains("*") {
            throw problem(
                "tag \(quoted(tag)) is a bracket of CoNLL-2012", line: line,
                "write spans as B-TYPE, I-TYPE and O, or choose another column with \(SettingName.labelColumn)"
            )
        }
        return tag
    }
}
