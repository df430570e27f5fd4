/// What a data set's labels mean, one value per example in the same order.
package enum Targets {
    /// Positions in a `LabelSet`.
    ///
    /// - Throws: `DataError` at the first label that is missing or not in `labels`.
    package static func classes(of dataset: Dataset, labels: LabelSet) throws -> [Int32] {
        var targets: [Int32] = []
        targets.reserveCapacity(dataset.examples.count)
        for example in dataset.examples {
            let name = try LabelSet.className(of: example, file: dataset.file)
            targets.append(try labels.requiredIndex(of: name, example, file: dataset.file))
        }
        return targets
    }

    /// Positions of the labels of each row, or of the tags of its words, in the file's order.
    ///
    /// - Throws: `DataError` at the first row without labels or with one that is not in `labels`.
    package static func lists(of dataset: Dataset, labels: LabelSet) throws -> [[Int32]] {
        try dataset.examples.map { example in
            guard case .list(let names)? = example.label else {
                throw DataError(
                    file: dataset.file, line: example.line, problem: "the labels are missing",
                    advice: "add them or remove the row")
            }
            return try names.map { try labels.requiredIndex(of: $0, example, file: dataset.file) }
        }
    }

    /// For each example the positions in a `LabelSet`, rising.
    ///
    /// - Throws: as `lists`.
    package static func labelSets(of dataset: Dataset, labels: LabelSet) throws -> [[Int32]] {
        if let width = dataset.vectorWidth, labels.names != (0..<width).map({ "\($0)" }) {
            throw DataError(
                file: dataset.file, line: dataset.examples.first?.line,
                problem:
                    "rows of \(width) values of 0 and 1, while the labels are \(quotedList(labels.names))",
                advice: "name each row's labels, or give one value for each label")
        }
        return try lists(of: dataset, labels: labels).map { $0.sorted() }
    }

    /// Finite numbers.
    ///
    /// - Throws: `DataError` at the first label that is missing or not a finite number.
    package static func scores(of dataset: Dataset) throws -> [Float] {
        var targets: [Float] = []
        targets.reserveCapacity(dataset.examples.count)
        for example in dataset.examples {
            guard let label = example.label else {
                throw DataError(
                    file: dataset.file, line: example.line, problem: "the label is missing",
                    advice: "add it or remove the row")
            }
            guard let score = label.score else {
                throw notAScore(label, dataset.file, example.line)
            }
            targets.append(score)
        }
        return targets
    }

    private static func notAScore(_ label: RawLabel, _ file: String, _ line: Int) -> DataError {
        let text = label.className
        var advice = "correct it, or train for classification"
        if LabelSpelling.isMissing(text) {
            advice = "it stands for a missing value: remove the row, or give its score"
        } else if text.contains(","), RawLabel.decimal(text.replacing(",", with: ".")) != nil {
            advice = "write it with a decimal point"
        } else if RawLabel.decimal(text) == nil, text.contains(where: \.isNumber) {
            advice = "write the number alone, or train for classification"
        }
        return DataError(
            file: file, line: line, problem: "label \(quoted(text)) is not a finite number", advice: advice)
    }
}
