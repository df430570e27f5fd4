import Messages
import ModelFiles

/// How often a file names each class, or the range of its scores.
package enum LabelTally: Sendable, Equatable {
    /// Rows of each class, or words of each tag; in the order of a `LabelSet`.
    case classes([ClassCount])
    /// Questions with an answer and without one.
    case answers(answered: Int, unanswered: Int)
    case scores(ScoreRange)
    /// What conversations are made of, by its name: rows of each format, messages of each role.
    case parts([PartCount])

    package struct PartCount: Sendable, Equatable {
        package let name: String
        package let count: Int
    }

    package struct ClassCount: Sendable, Equatable {
        package let name: String
        package let count: Int
        /// The first line that names it.
        package let line: Int
    }

    /// Of the labels that are finite numbers.
    package struct ScoreRange: Sendable, Equatable {
        package let count: Int
        package let lowest: Float
        package let highest: Float
        package let mean: Double

        package init(count: Int, lowest: Float, highest: Float, mean: Double) {
            self.count = count
            self.lowest = lowest
            self.highest = highest
            self.mean = mean
        }
    }

    /// Of questions.
    package init(answersOf dataset: Dataset) {
        let unanswered = dataset.examples.count { $0.label == .answers([]) }
        self = .answers(answered: dataset.examples.count - unanswered, unanswered: unanswered)
    }

    /// Of conversations, which have no labels.
    package init(conversationsOf dataset: Dataset) {
        let tally = ConversationTally(dataset)
        var parts = tally.formats.map {
            PartCount(name: "rows of \($0.format.rawValue)", count: $0.rows)
        }
        parts += tally.roles.map { PartCount(name: "\($0.role.rawValue) messages", count: $0.messages) }
        if tally.rowsWithTools > 0 {
            parts.append(PartCount(name: "rows with tools", count: tally.rowsWithTools))
        }
        self = .parts(parts)
    }

    /// Of images and their texts, which are no labels.
    package init(captionsOf dataset: Dataset) {
        self = .parts([
            PartCount(name: "images", count: Set(dataset.examples.map(\.text)).count),
            PartCount(name: "texts", count: Set(dataset.examples.map(\.pair)).count),
        ])
    }

    /// Of labels that are numbers to predict.
    package init(scoresOf dataset: Dataset) {
        let scores = dataset.examples.compactMap { $0.label?.score }
        let sum = scores.reduce(0.0) { $0 + Double($1) }
        self = .scores(
            ScoreRange(
                count: scores.count, lowest: scores.min() ?? 0, highest: scores.max() ?? 0,
                mean: sum / Double(max(scores.count, 1))))
    }

    /// Of labels that are names of classes.
    package init(classesOf dataset: Dataset) {
        var found: [String: (count: Int, line: Int)] = [:]
        for name in dataset.declaredLabels ?? [] { found[name] = (0, 0) }
        for example in dataset.examples {
            for name in (try? LabelSet.classNames(of: example, file: dataset.file)) ?? [] {
                let earlier = found[name].flatMap { $0.count > 0 ? $0 : nil }
                found[name] = ((earlier?.count ?? 0) + 1, earlier?.line ?? example.line)
            }
        }
        self = .classes(
            LabelSet.ordered(Set(found.keys)).map { name in
                let entry = found[name] ?? (0, 0)
                return ClassCount(name: name, count: entry.count, line: entry.line)
            })
    }

    /// What a file that is held back from training has that the training file lacks, and the other way round.
    ///
    /// - Parameters:
    ///   - own: of the held-back file `dataset`.
    ///   - train: of the training file.
    package static func compare(
        _ own: LabelTally, of dataset: Dataset, with train: LabelTally, of trainFile: String
    ) -> [DataFinding] {
        switch (own, train) {
        case (.classes(let here), .classes(let there)):
            [unknown(here, dataset, there, trainFile), unmeasured(here, dataset.file, there)].compactMap {
                $0
            }
        case (.answers(_, let here), .answers(_, let there)) where (here == 0) != (there == 0):
            [unanswered(here, dataset.file, there, trainFile)]
        default: []
        }
    }

    private static func unknown(
        _ here: [ClassCount], _ dataset: Dataset, _ there: [ClassCount], _ trainFile: String
    ) -> DataFinding? {
        let known = Set(there.map(\.name))
        let strange = here.filter { $0.count > 0 && !known.contains($0.name) }.sorted { $0.line < $1.line }
        guard let first = strange.first else { return nil }
        let places = strange.reduce(0) { $0 + $1.count }
        let labels = try? LabelSet(names: there.map(\.name), source: trainFile)
        let guess = labels?.nearest(to: first.name).map { ", did you mean \(quoted($0))?" } ?? ""
        return DataFinding(
            .unknownLabels, isError: true, file: dataset.file, count: places, lines: strange.map(\.line),
            text:
                "\(oneLine(dataset.file)):\(first.line): unknown label \(quoted(first.name))\(guess); \(oneLine(trainFile)) lacks "
                + "\(DataFinding.counted(strange.count, "label")) that this file has in \(DataFinding.counted(places, "place")): "
                + "\(quotedList(strange.map(\.name))); correct them, or add rows to learn them from: the known labels are \(quotedList(there.map(\.name)))"
        )
    }

    private static func unmeasured(_ here: [ClassCount], _ file: String, _ there: [ClassCount])
        -> DataFinding?
    {
        let own = Set(here.filter { $0.count > 0 }.map(\.name))
        let missing = there.filter { !own.contains($0.name) }.map(\.name)
        guard !missing.isEmpty else { return nil }
        return DataFinding(
            .unmeasuredLabels, file: file, count: missing.count,
            text:
                "\(oneLine(file)): nothing of \(missing.count) of the \(there.count) labels: \(quotedList(missing)); what "
                + "the model makes of them is not measured")
    }

    private static func unanswered(_ here: Int, _ file: String, _ there: Int, _ trainFile: String)
        -> DataFinding
    {
        let text =
            here > 0
            ? "\(oneLine(file)): \(DataFinding.counted(here, "question")) without an answer, \(oneLine(trainFile)) has none: the model "
                + "does not learn when to give no answer"
            : "\(file): no question without an answer, \(oneLine(trainFile)) has \(there): whether the model knows when to "
                + "give none is not measured"
        return DataFinding(
            here > 0 ? .unknownLabels : .unmeasuredLabels, file: file, count: max(here, there), text: text)
    }
}
