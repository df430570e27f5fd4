import Autodiff
import Glibc
import Matrices
import Transformers

/// A loss over all sequences of a step together, of what a model says of each.
package protocol JointObjective: Sendable {
    /// - Parameter rows: [N, C], one of each sequence.
    /// - Returns: the loss, and its gradient [N, C].
    func loss(_ rows: Matrix) -> (loss: Double, gradient: Matrix)
    /// Floats that `loss` has in memory at most, beside `rows`.
    func elements(rows: Int, columns: Int) -> Int
}

/// Texts and images that belong together: each text beside all images of the batch, and each image beside all texts.
package struct ImageTextObjective: Objective, JointObjective {
    let form: PairOutput.Loss
    /// By sequence which text, which image: equal ones are one.
    let texts: [Int32]
    let images: [Int32]

    /// Of each image; nil where these are as many as the model's own size makes.
    package let imageRows: Int?

    package init(form: PairOutput.Loss, texts: [Int32], images: [Int32], imageRows: Int? = nil) {
        (self.form, self.texts, self.images, self.imageRows) = (form, texts, images, imageRows)
    }

    /// Rows of which the loss of an evaluation is that of one batch: it grows with their number.
    static let evaluationRows = 256

    package var joint: (any JointObjective)? { self }

    /// Of the shard by itself.
    package func loss(_ rows: ShardRows, divisor: Double) -> Double {
        let logits = rows.logits()
        let (loss, gradient) = loss(logits.value)
        rows.tape.seed(logits, with: logits.needsGradient ? gradient : nil)
        return loss
    }

    package func loss(_ rows: Matrix) -> (loss: Double, gradient: Matrix) {
        let (count, columns) = (rows.rows, rows.columns / 2)
        let (texts, images) = (rows.columnHalf(0), rows.columnHalf(1))
        let logits = Matrix(rows: count, columns: count)
        Product.multiplyTransposed(texts, images, into: logits)
        let loss =
            switch form {
            case .softmax: PairLoss.softmax(logits)
            case .sigmoid: PairLoss.sigmoid(logits)
            }
        // logits = texts · imagesᵀ, and holds its own gradient by now.
        let ofTexts = Matrix(rows: count, columns: columns)
        let ofImages = Matrix(rows: count, columns: columns)
        Product.multiply(logits, images, into: ofTexts)
        Product.transposedMultiply(logits, texts, into: ofImages)
        let gradient = Matrix(rows: count, columns: 2 * columns)
        for row in 0..<count {
            gradient.row(row).update(from: ofTexts.row(row), count: columns)
            (gradient.row(row) + columns).update(from: ofImages.row(row), count: columns)
        }
        return (loss, gradient)
    }

    /// The logits, both halves, their gradients and these side by side
    package func elements(rows: Int, columns: Int) -> Int { rows * (rows + 3 * columns) }

    package func meter(_ options: AnswerOptions, outputs: Int) -> any Meter { ImageTextMeter(self) }

    package func madeUp(lengths: [Int]) -> any Objective {
        let each = lengths.indices.map { Int32($0) }
        return ImageTextObjective(form: form, texts: each, images: each, imageRows: imageRows)
    }
}

/// Losses of the logits [N, N] of N texts and their N images, each text beside its own image on the diagonal.
package enum PairLoss {
    /// The mean of two cross-entropies: of each text among the images, of each image among the texts (Radford et al. 2021, figure 3).
    /// The logits become their gradient.
    package static func softmax(_ logits: Matrix) -> Double {
        let count = logits.rows
        let across = logSums(logits, isTransposed: false)
        let down = logSums(logits, isTransposed: true)
        var loss = 0.0
        let scale = 1 / Double(2 * count)
        for row in 0..<count {
            let values = logits.row(row)
            loss += (across[row] + down[row] - 2 * Double(values[row])) * scale
            for column in 0..<count {
                let value = Double(values[column])
                let both = exp(value - across[row]) + exp(value - down[column])
                values[column] = Float((both - (row == column ? 2 : 0)) * scale)
            }
        }
        return loss
    }

    /// The sum over all pairs of −log sigmoid(±logit), over N (Zhai et al. 2023, algorithm 1). The logits become their gradient.
    package static func sigmoid(_ logits: Matrix) -> Double {
        let count = logits.rows
        var loss = 0.0
        for row in 0..<count {
            let values = logits.row(row)
            for column in 0..<count {
                let sign: Double = row == column ? 1 : -1
                let value = sign * Double(values[column])
                // log(1 + exp(−x)) without overflow
                loss += (max(-value, 0) + log1p(exp(-abs(value)))) / Double(count)
                values[column] = Float(-sign / (1 + exp(value)) / Double(count))
            }
        }
        return loss
    }

    /// log Σ exp of each row, or of each column.
    private static func logSums(_ logits: Matrix, isTransposed: Bool) -> [Double] {
        let count = logits.rows
        func value(_ own: Int, _ other: Int) -> Double {
            Double(isTransposed ? logits.row(other)[own] : logits.row(own)[other])
        }
        return (0..<count).map { own in
            var top = -Double.infinity
            for other in 0..<count where !(value(own, other) <= top) { top = value(own, other) }
            var sum = 0.0
            for other in 0..<count { sum += exp(value(own, other) - top) }
            return top + log(sum)
        }
    }
}

/// Keeps a row of each text and image.
private struct ImageTextMeter: Meter {
    let objective: ImageTextObjective
    let rows: RowResults<[Float]>

    var kept: [any ExchangedResults] { [rows] }

    init(_ objective: ImageTextObjective) {
        self.objective = objective
        rows = RowResults(count: objective.texts.count)
    }

    func read(_ shard: ShardRows) { rows.put(shard.valuesOfRows, at: shard.members) }

    func evaluation() -> Evaluation {
        let all = rows.all
        let retrieval = Retrieval(all, texts: objective.texts, images: objective.images)
        let shares = retrieval.shares
        return Evaluation(
            loss: loss(all),
            metrics: Retrieval.metrics.map { metric in
                let parts = shares[metric] ?? []
                return (metric, parts.reduce(0) { $0 + $1.part } / Double(max(parts.count, 1)))
            }, rows: .shares(shares), hasOneAnswer: retrieval.hasOneAnswer)
    }

    /// The mean of batches of neighbouring rows.
    private func loss(_ all: [[Float]]) -> Double {
        var sum = 0.0
        for start in stride(from: 0, to: all.count, by: ImageTextObjective.evaluationRows) {
            let some = all[start..<min(start + ImageTextObjective.evaluationRows, all.count)]
            sum += objective.loss(Matrix(rowValues: some)).loss * Double(some.count)
        }
        return sum / Double(all.count)
    }
}

extension Matrix {
    /// Rows of equal length.
    package convenience init(rowValues: some Collection<[Float]>) {
        self.init(rows: rowValues.count, columns: rowValues.first?.count ?? 0)
        for (row, values) in rowValues.enumerated() {
            self.row(row).update(from: values, count: columns)
        }
    }

    /// A copy of the left half of the columns (0), or the right one (1).
    func columnHalf(_ which: Int) -> Matrix {
        let half = Matrix(rows: rows, columns: columns / 2)
        for row in 0..<rows {
            half.row(row).update(from: self.row(row) + which * half.columns, count: half.columns)
        }
        return half
    }
}
