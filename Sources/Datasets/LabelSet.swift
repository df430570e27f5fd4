import Messages

/// The class names of a classification task, in a fixed order: an example's target is its name's position.
package struct LabelSet: Sendable, Equatable {
    /// More classes than this are almost always scores or free text taken for classes.
    package static let mostClasses = 10_000

    package let names: [String]
    private let positions: [String: Int]

    /// Names in a given order, for example those saved with a model.
    ///
    /// - Throws: `DataError` for fewer than two names or a name that occurs twice; `source` stands for the file.
    package init(names: [String], source: String) throws {
        guard names.count > 1 else {
            throw DataError(
                file: source, problem: "a classifier needs two or more classes, not \(names.count)",
                advice: "check the label column")
        }
        var positions: [String: Int] = [:]
        for (index, name) in names.enumerated() where positions.updateValue(index, forKey: name) != nil {
            throw DataError(
                file: source, problem: "class \(quoted(name)) occurs twice", advice: "name each class once")
        }
        self.names = names
        self.positions = positions
    }

    /// The classes that occur in a data set: integers in numeric order, anything else by Unicode scalars.
    ///
    /// - Throws: `DataError` for a missing label, fewer than two classes or more than `mostClasses`.
    package init(from dataset: Dataset) throws {
        var found = Set(dataset.declaredLabels ?? [])
        for example in dataset.examples {
            found.formUnion(try Self.classNames(of: example, file: dataset.file))
            if found.count > Self.mostClasses {
                throw DataError(
                    file: dataset.file, line: example.line,
                    problem: "more than \(Self.mostClasses) different labels",
                    advice: "use \(SettingName.task) regression for scores, or check the label column")
            }
        }
        guard found.count > 1 else {
            let only = found.first.map { " (\(quoted($0)))" } ?? ""
            throw DataError(
                file: dataset.file, problem: "all labels are the same\(only), there is nothing to learn",
                advice: "check the label column")
        }
        try self.init(names: Self.ordered(found), source: dataset.file)
    }

    /// The labels of rows that have any number of them.
    ///
    /// - Throws: `DataError` as above, and where each row has every label.
    package init(ofSetsIn dataset: Dataset) throws {
        try self.init(from: dataset)
        let isConstant =
            dataset.examples.count > 1
            && dataset.examples.allSatisfy { example in
                if case .list(let given)? = example.label { given.count == names.count } else { false }
            }
        if isConstant {
            throw DataError(
                file: dataset.file,
                problem: "each row has every label (\(quotedList(names))), there is nothing to learn",
                advice: "check the label column: give names, or one 0 or 1 for each label")
        }
    }

    /// Position of a label's class, nil if it is unknown.
    package func index(of label: RawLabel) -> Int? { positions[label.className] }

    static func ordered(_ names: Set<String>) -> [String] {
        // Not String's own <, which compares normalized forms and so depends on the Unicode version.
        let sorted = names.sorted { $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars) }
        let integers = sorted.compactMap { Int($0) }
        guard integers.count == sorted.count else { return sorted }
        // "7" and "07" are different classes of equal value: the order above decides.
        return zip(integers, sorted).enumerated()
            .sorted { ($0.element.0, $0.offset) < ($1.element.0, $1.offset) }
            .map(\.element.1)
    }

    /// One class, or those of a list.
    static func classNames(of example: Example, file: String) throws -> [String] {
        if case .list(let names)? = example.label { return names }
        return [try className(of: example, file: file)]
    }

    static func className(of example: Example, file: String) throws -> String {
        guard let label = example.label else {
            throw DataError(
                file: file, line: example.line, problem: "the label is missing",
                advice: "add it or remove the row")
        }
        // Beyond 2^53 two different integers may have become one Double, and with them two classes.
        if case .number(let value) = label, value.magnitude >= 0x1p53 {
            throw DataError(
                file: file, line: example.line, problem: "number \(value) is too large for a class name",
                advice: "put the label in quotes, or use \(SettingName.task) regression")
        }
        return label.className
    }

    /// The position of a class.
    ///
    /// - Throws: `DataError` for an unknown one, with the nearest known.
    func requiredIndex(of name: String, _ example: Example, file: String) throws -> Int32 {
        guard let index = positions[name] else {
            let guess = nearest(to: name).map { ", did you mean \(quoted($0))?" } ?? ""
            throw DataError(
                file: file, line: example.line, problem: "unknown label \(quoted(name))\(guess)",
                advice: "the known labels are \(quotedList(names))")
        }
        return Int32(index)
    }

    /// The known class that is most like a misspelled one, nil if none is close.
    func nearest(to name: String) -> String? {
        let same = LabelSpelling.usual(name)
        if let other = names.first(where: { LabelSpelling.usual($0) == same }) { return other }
        let limit = max(1, name.unicodeScalars.count / 3)
        let target = Array(name.lowercased().unicodeScalars.prefix(100))
        return names.prefix(1000)
            .map {
                (name: $0, distance: editDistance(Array($0.lowercased().unicodeScalars.prefix(100)), target))
            }
            .filter { $0.distance <= limit }
            .min { $0.distance < $1.distance }?
            .name
    }
}

/// Levenshtein distance: a swap counts twice, unlike with the names of settings, for PRE and PER may be two classes.
private func editDistance(_ first: [Unicode.Scalar], _ second: [Unicode.Scalar]) -> Int {
    var row = Array(0...second.count)
    for (index, scalar) in first.enumerated() {
        var diagonal = row[0]
        row[0] = index + 1
        for column in second.indices {
            let replaced = diagonal + (scalar == second[column] ? 0 : 1)
            diagonal = row[column + 1]
            row[column + 1] = min(replaced, diagonal + 1, row[column] + 1)
        }
    }
    return row[second.count]
}
