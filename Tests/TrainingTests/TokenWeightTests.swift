import Adapters
import Autodiff
import Datasets
import Foundation
import GoldenFiles
import Matrices
import ModelFiles
import Tasks
import Testing
import Training
import Transformers

/// A step on tokens is a mean over all its labelled tokens, however they came together.
@Suite struct TokenWeightTests {
    private static let lengths = (0..<24).map { 3 + $0 * 17 % 37 }

    /// Sentences of which every third, second or each token has a label.
    private static let data: TokenizedDataset = {
        let sequences = lengths.map { length in
            let ids = (0..<length).map { Int32(5 + ($0 * 7 + length) % 90) }
            return TokenizedDataset.Sequence(ids: ids, typeIDs: ids.map { _ in 0 })
        }
        let labels = lengths.enumerated().map { index, length in
            (0..<length).map { token in
                token % (index % 3 + 1) == 0 ? Int32(token % 3) : Tape.ignoredLabel
            }
        }
        return TokenizedDataset(
            sequences: sequences,
            objective: TokenObjective(labels: labels, scheme: TagScheme(names: ["B-X", "I-X", "O"])))
    }()

    private static func model() throws -> SequenceModel {
        let backbone = try PretrainedModel.open(Golden.url("bert/model")).openBackbone()
        let head = try SequenceHead(
            backbone: backbone, outputs: 3, form: .token, dropout: 0,
            stream: RandomStream(seed: 3, purpose: "initialize head"))
        return SequenceModel(backbone: backbone, head: head, workers: Workers(count: 2))
    }

    private static func step(
        _ model: SequenceModel, _ indices: [Int], _ vector: ParameterVector, _ data: TokenizedDataset = data
    ) throws -> (loss: Double, gradient: [Float]) {
        let gradients = Matrix(rows: 1, columns: vector.count)
        var shards: [Matrix] = []
        let loss = try model.lossAndGradient(
            data, indices: indices, into: gradients, shardGradients: &shards, seed: 1, step: 1
        ).loss
        return (loss, gradients.values)
    }

    @Test func everyLabelledTokenWeighsTheSame() throws {
        let model = try Self.model()
        let positions = model.backbone.sizes.positions
        try #require(Self.lengths.allSatisfy { $0 <= positions }, "\(positions)")
        let vector = ParameterVector(model.head.parameters)
        let counts = Self.lengths.enumerated().map { ($1 + $0 % 3) / ($0 % 3 + 1) }
        let total = Double(counts.reduce(0, +))
        let whole = try Self.step(model, Array(Self.lengths.indices), vector)
        var loss = 0.0
        var gradient = [Double](repeating: 0, count: vector.count)
        for index in Self.lengths.indices {
            let alone = try Self.step(model, [index], vector)
            loss += alone.loss * Double(counts[index]) / total
            for place in gradient.indices {
                gradient[place] += Double(alone.gradient[place]) * Double(counts[index]) / total
            }
        }
        // The losses are sums in Double of the same Float32 logits, but for the packing of other rows beside them.
        #expect(abs(whole.loss - loss) < 1e-6)
        for place in gradient.indices {
            // Sums of up to 500 Float32 products of order 1e-2.
            #expect(abs(Double(whole.gradient[place]) - gradient[place]) < 1e-6)
        }
        #expect(try abs(model.evaluation(Self.data).loss - whole.loss) < 1e-6)
    }

    /// With weights the mean is over the weights of the step's tokens, however the step is cut into shards.
    @Test func weightedTokensWeighTheSame() throws {
        let model = try Self.model()
        let vector = ParameterVector(model.head.parameters)
        let weights = [0.25, 3, 1.5]
        let data = Self.data.weighted(by: weights)
        let sums = Self.lengths.enumerated().map { index, length in
            (0..<length).reduce(0) { $0 + ($1 % (index % 3 + 1) == 0 ? weights[$1 % 3] : 0) }
        }
        let all = Array(Self.lengths.indices)
        let whole = try Self.step(model, all, vector, data)
        let parts = try all.map { (sum: sums[$0], step: try Self.step(model, [$0], vector, data)) }
        let total = sums.reduce(0, +)
        #expect(abs(whole.loss - parts.reduce(0) { $0 + $1.step.loss * $1.sum / total }) < 1e-6)
        for place in whole.gradient.indices {
            let sum = parts.reduce(0) { $0 + Double($1.step.gradient[place]) * $1.sum / total }
            // As above.
            #expect(abs(Double(whole.gradient[place]) - sum) < 1e-6)
        }
        let single = SequenceModel(backbone: model.backbone, head: model.head, workers: Workers(count: 1))
        let alone = try Self.step(single, all, vector, data)
        #expect(alone.loss == whole.loss && alone.gradient == whole.gradient)
        // Equal weights change nothing but rounding; others do.
        let plain = try Self.step(model, all, vector)
        #expect(
            try abs(Self.step(model, all, vector, Self.data.weighted(by: [2, 2, 2])).loss - plain.loss)
                < 1e-12)
        #expect(abs(plain.loss - whole.loss) > 1e-3)
        // Evaluations of rows that nobody weighed are plain means.
        #expect(try abs(model.evaluation(Self.data).loss - plain.loss) < 1e-6)
    }

    @Test func logitsStandInTheOrderOfTheData() throws {
        let model = try Self.model()
        let logits = model.logits(Self.data)
        #expect(logits.rows == Self.lengths.reduce(0, +) && logits.columns == 3)
        var start = 0
        for (index, length) in Self.lengths.enumerated() {
            let alone = model.logits(TokenizedDataset(sequences: [Self.data.sequences[index]]))
            let same = (0..<3 * length).allSatisfy {
                // Other rows in a product change the order of its sums at most.
                abs(alone.pointer[$0] - logits.pointer[3 * start + $0]) < 1e-5
            }
            #expect(same, "sequence \(index)")
            start += length
        }
    }
}
