import Messages

/// The columns that a model was trained on, as its folder remembers them: what is read of other rows unless they are named.
package struct TrainedColumns: Sendable, Equatable {
    /// One name, or two for pairs; empty where the rows had no names for their columns.
    package let text: [String]
    /// One name, or several of columns of 0 and 1; empty where there was none, or it had no name.
    package let labels: [String]
    /// Between the labels of a row of CSV or TSV, where it was given.
    package let labelSeparator: String?

    package init(text: [String], labels: [String] = [], labelSeparator: String? = nil) {
        (self.text, self.labels, self.labelSeparator) = (text, labels, labelSeparator)
    }

    /// nil where there is nothing to remember: the format has one place for everything.
    ///
    /// - Parameters:
    ///   - read: what was read of the training rows.
    ///   - given: what the run's settings named. Columns that are numbers are remembered only by them: in another file the
    ///     usual ones may have other numbers.
    package init?(read: DatasetColumns?, given: ColumnNames, labelSeparator: String?) {
        guard let read else { return nil }
        func isNumbered(_ names: [String]) -> Bool { names.allSatisfy { Int($0) != nil } }
        text = isNumbered(read.text) ? given.text ?? [] : read.text
        labels = isNumbered(read.labels) ? given.label.map { [$0] } ?? [] : read.labels
        self.labelSeparator = labelSeparator
        if text.isEmpty && labels.isEmpty && labelSeparator == nil { return nil }
    }

    /// `text column 'a'`, `text columns 'a' and 'b'`
    fileprivate var textColumns: String {
        "text column\(text.count == 1 ? "" : "s") \(Self.list(text))"
    }

    /// `'a' and 'b'`
    fileprivate static func list(_ names: [String]) -> String {
        names.count == 2 ? "\(quoted(names[0])) and \(quoted(names[1]))" : quotedList(names)
    }

    /// What a person should know where other columns were read than the model was trained on, and nobody named them.
    ///
    /// - Parameter readsLabels: whether labels are of use at all.
    package func notes(read: DatasetColumns?, given: ColumnNames, readsLabels: Bool, file: String) -> [String]
    {
        guard let read else { return [] }
        func note(_ kind: String, _ trained: [String], _ found: [String], _ flag: SettingName) -> String? {
            // Capitals do not make another column.
            guard !trained.isEmpty, !found.isEmpty,
                trained.map({ $0.lowercased() }) != found.map({ $0.lowercased() })
            else { return nil }
            return
                "\(oneLine(file)): no \(kind) column \(Self.list(trained)), on which the model was trained; "
                + "\(Self.list(found)) is read in its place; name another with \(flag)"
        }
        return [
            given.text == nil ? note("text", text, read.text, .textColumn) : nil,
            readsLabels && given.label == nil ? note("label", labels, read.labels, .labelColumn) : nil,
        ].compactMap(\.self)
    }

    /// That texts of one column do not fit.
    ///
    /// - Parameters:
    ///   - what: where they come from.
    ///   - advice: what to give in their place.
    package func checkTakesSingles(_ what: String, file: String, advice: String) throws {
        guard text.count == 2 else { return }
        throw DataError(
            file: file,
            problem: "the model was trained on two texts a row, \(Self.list(text)), and \(what)",
            advice: advice)
    }
}

extension ColumnNames {
    /// The same, with what stands for names that nobody gave.
    package func or(_ trained: TrainedColumns?) -> ColumnNames {
        var names = self
        names.trained = trained
        return names
    }

    /// With the columns that the model was trained on, where all of them are there and nobody named others.
    func orTrained(_ existing: [String]) -> ColumnNames {
        guard let trained else { return self }
        let spelling = ColumnSpelling(existing)
        func known(_ names: [String]) -> [String]? {
            let names = names.map(spelling.of)
            return names.isEmpty || !names.allSatisfy(existing.contains) ? nil : names
        }
        var names = ColumnNames(
            text: text ?? known(trained.text),
            label: label ?? known(trained.labels)?.joined(separator: ","), delimiter: delimiter)
        names.trained = trained
        return names
    }

    /// The labels that the model was trained on and that nobody named otherwise.
    var missingLabels: [String]? {
        trained.flatMap { label == nil && !$0.labels.isEmpty ? $0.labels : nil }
    }

    /// Where no texts are found, and nobody named some: the error that names those the model was trained on. nil where it
    /// does not say.
    func missingTexts(_ existing: [String], _ line: Int, _ file: String) -> DataError? {
        guard let trained, !trained.text.isEmpty, text == nil else { return nil }
        return DataError(
            file: file, line: line, problem: "no \(trained.textColumns), on which the model was trained",
            advice: existing.isEmpty
                ? "there are no columns"
                : "the columns are \(quotedList(existing, limit: 20)): name \(trained.text.count == 1 ? "one" : "two") with "
                    + "\(SettingName.textColumn)")
    }

    /// A model of pairs knows nothing of single texts, and the other way round.
    func checkCount(_ texts: [String], _ line: Int, _ file: String) throws {
        guard let trained, !trained.text.isEmpty, trained.text.count != texts.count else { return }
        let isPair = trained.text.count == 2
        throw DataError(
            file: file, line: line,
            problem:
                "the model was trained on \(isPair ? "two texts" : "one text") a row, \(TrainedColumns.list(trained.text)); "
                + "here \(isPair ? "is one" : "are two"), \(TrainedColumns.list(texts))",
            advice: isPair
                ? "give rows with both, and name their columns with \(SettingName.textColumn) a,b"
                : "name the one column with \(SettingName.textColumn)")
    }
}
