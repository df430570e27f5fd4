import Datasets
import Matrices
import Transformers

/// Classes that texts alone tell of: an image is of the class to whose texts its row is nearest (Radford et al. 2021, section 3.1).
package struct ZeroShot: Sendable {
    /// What stands for a label in a text
    package static let place = "{}"

    package let labels: LabelSet
    /// Of each class each text, class after class
    package let texts: TokenizedDataset
    package let images: TokenizedDataset
    private let templates: Int
    private let pair: PairOutput
    private let truth: [Int32]
    private let prompts: TokenizedDataset

    /// - Parameters:
    ///   - rows: images with labels.
    ///   - templates: such as `a photo of a {}`; several are averaged.
    package init(_ rows: Dataset, templates: [String], _ limits: Tokenization) throws {
        guard let pair = limits.pair else {
            throw TaskError(.usage, "the model has not two towers, and tells no classes by their texts")
        }
        for template in templates where !template.contains(Self.place) {
            throw TaskError(
                .usage,
                "the text '\(template)' has no \(Self.place) where the label stands; write it like 'a photo of a \(Self.place)'"
            )
        }
        self.pair = pair
        self.templates = templates.count
        labels = try LabelSet(from: rows)
        truth = try Targets.classes(of: rows, labels: labels)
        let written = labels.names.flatMap { name in
            templates.map { $0.replacing(Self.place, with: name) }
        }
        prompts = try TokenizedDataset(
            Dataset(
                examples: written.enumerated().map { Example(text: $1, label: nil, line: $0 + 1) },
                file: Self.name), limits
        ) { _ in nil }
        texts = TokenizedDataset(
            sequences: prompts.sequences.map { sequence in
                let ids = pair.filling(sequence.ids)
                return TokenizedDataset.Sequence(ids: ids, typeIDs: ids.map { _ in 0 })
            })
        images = try TokenizedDataset(images: rows, limits, isTraining: false, objective: nil)
    }

    private static let name = "texts of labels"

    /// What a person should know of how the labels' texts were read.
    package func warnings(maxLength: Int) -> [String] {
        prompts.warnings(name: Self.name, maxLength: maxLength)
    }

    /// Takes the images' rows.
    ///
    /// - Parameter textRows: of all texts, in their order.
    package func meter(_ textRows: [[Float]], _ options: AnswerOptions) -> any Meter {
        ZeroShotMeter(
            classes: classes(textRows),
            base: ClassObjective(truth: truth).meter(options, outputs: labels.names.count))
    }

    /// [K, D]: the mean of a class's texts, as long as each of them; a bias beside stays as it is.
    private func classes(_ textRows: [[Float]]) -> Matrix {
        let classes = Matrix(rows: labels.names.count, columns: pair.columns)
        let directed = pair.loss == .sigmoid ? pair.columns - 1 : pair.columns
        func length(_ row: some Collection<Float>) -> Double {
            row.prefix(directed).reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        }
        for label in 0..<classes.rows {
            let own = textRows[label * templates..<(label + 1) * templates]
            var mean = (0..<pair.columns).map { column in
                Float(own.reduce(0.0) { $0 + Double($1[column]) } / Double(templates))
            }
            let wanted = own.reduce(0.0) { $0 + length($1) } / Double(templates)
            let factor = Float(wanted / max(length(mean), 1e-30))
            for column in 0..<directed { mean[column] *= factor }
            classes.row(label).update(from: mean, count: pair.columns)
        }
        return classes
    }
}

private struct ZeroShotMeter: Meter {
    /// [K, D]
    let classes: Matrix
    let base: any Meter

    var kept: [any ExchangedResults] { base.kept }

    func read(_ rows: ShardRows) {
        let images = rows.logits().value
        let logits = Matrix(rows: images.rows, columns: classes.rows)
        Product.multiplyTransposed(images, classes, into: logits)
        base.read(
            ShardRows(
                members: rows.members, hidden: rows.tape.input(logits), offsets: Array(0...images.rows),
                head: rows.head, tape: rows.tape))
    }

    func evaluation() -> Evaluation { base.evaluation() }
}
