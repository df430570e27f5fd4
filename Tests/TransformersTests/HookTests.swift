import Autodiff
import GoldenFiles
import Matrices
import ModelFiles
import Testing
import Transformers

/// Scales what each part adds, and remembers where it was asked.
final class Scaling: BlockAdapter {
    let factor: Float
    init(_ factor: Float) { self.factor = factor }

    func output(of update: Variable, in sum: BlockSum, on tape: Tape) -> Variable {
        // x · (factor · I)ᵀ: linear in the update, so that its backward pass reads nothing of the layer.
        let identity = Matrix(rows: update.columns, columns: update.columns)
        for index in 0..<update.columns { identity.row(index)[index] = factor }
        return tape.linear(update, weight: Weight(name: "scale", matrix: Float32Weight(identity)), bias: nil)
    }
}

final class AttentionPrefix: RowPrefix {
    let parameters: [Parameter]

    init(_ matrices: [Matrix]) { parameters = matrices.map { Parameter(name: "prefix", values: $0) } }

    var count: Int { parameters[0].values.rows }

    func rows(columns: Int, on tape: Tape) -> [Variable] {
        parameters.map { parameter in
            tape.embedding([(parameter, (0..<Int32(parameter.values.rows)).map { $0 })])
        }
    }
}

/// What methods hang on a model beside its linear layers.
@Suite struct HookTests {
    static let models =
        ["bert", "encoders/roberta", "encoders/albert", "encoders/electra", "llama", "gpt2", "gpt_neox"]
        + DecoderGoldens.models.map { "decoders/\($0)" }

    private static let sequences: [(ids: [Int32], typeIDs: [Int32])] = [3, 1, 7].map { length in
        ((0..<length).map { Int32(5 + ($0 * 7 + length) % 40) }, Array(repeating: 0, count: length))
    }

    private static func open(_ model: String) throws -> any Backbone {
        try PretrainedModel.open(Golden.url("\(model)/model")).openBackbone()
    }

    private static func hidden(_ backbone: any Backbone, rows: HiddenRows = .all) -> [Float] {
        backbone.hiddenStates(PackedBatch(sequences), rows: rows, on: Tape(evaluatingWith: BufferPool()))
            .value
            .values
    }

    /// A factor of 1 changes nothing, another one does, in every layer and on first rows alone.
    @Test(arguments: models) func blockAdaptersSeeEveryPart(_ model: String) throws {
        let backbone = try Self.open(model)
        let plain = Self.hidden(backbone)
        for layer in 0..<backbone.sizes.layers {
            backbone.hooks.blocks = [layer: Scaling(1)]
            // The identity is a product, which may round otherwise.
            #expect(relativeError(Self.hidden(backbone), plain) < 1e-5, "layer \(layer)")
            backbone.hooks.blocks = [layer: Scaling(0.5)]
            let other = Self.hidden(backbone)
            #expect(relativeError(other, plain) > 1e-3, "layer \(layer)")
            let width = backbone.sizes.hidden
            let firsts = [0, 3, 4].flatMap { other[($0 * width)..<(($0 + 1) * width)] }
            #expect(relativeError(Self.hidden(backbone, rows: .first), firsts) < 1e-5, "layer \(layer)")
            let some = [1, 4, 9].flatMap { other[($0 * width)..<(($0 + 1) * width)] }
            #expect(
                relativeError(Self.hidden(backbone, rows: .some([1, 4, 9])), some) < 1e-5, "layer \(layer)")
        }
    }

    /// Embeddings of words as a prefix of the input are those words: the rows after them are the same.
    @Test(arguments: models) func aPrefixOfTheInputStandsWhereWordsWould(_ model: String) throws {
        let backbone = try Self.open(model)
        let words: [Int32] = [9, 21]
        let longer = PackedBatch(Self.sequences.map { (words + $0.ids, [0, 0] + $0.typeIDs) })
        let whole = backbone.hiddenStates(longer, on: Tape(evaluatingWith: BufferPool())).value
        let table = try #require(
            backbone.weights.first { weight in
                ["word_embeddings", "embed_tokens", "wte", "embed_in"].contains(where: weight.name.contains)
            })
        let rows = Matrix(rows: 2, columns: table.columns)
        for (place, word) in words.enumerated() {
            rows.row(place).update(from: table.dense().row(Int(word)), count: table.columns)
        }
        // Its table's rows have a factor before they are embeddings.
        if model.contains("gemma") {
            let factor = Float(table.columns).squareRoot()
            for place in 0..<rows.count { rows.pointer[place] *= factor }
        }
        backbone.hooks.input = AttentionPrefix([rows])
        var expected: [Float] = []
        for (index, sequence) in Self.sequences.enumerated() {
            for row in 0..<sequence.ids.count {
                let values = whole.row(longer.offsets[index] + 2 + row)
                expected += Array(UnsafeBufferPointer(start: values, count: whole.columns))
            }
        }
        #expect(relativeError(Self.hidden(backbone), expected) < 1e-5)
        let some = [0, 5, 10].flatMap { expected[$0 * whole.columns..<($0 + 1) * whole.columns] }
        #expect(relativeError(Self.hidden(backbone, rows: .some([0, 5, 10])), some) < 1e-5)
    }

    /// Keys and values of a prefix change what follows, and learn: by differences of the loss, kept or run again.
    @Test(
        arguments: [
            "bert", "encoders/albert", "llama", "gpt2", "gpt_neox", "decoders/qwen3", "decoders/gemma2",
        ], [false, true])
    func aPrefixOfAttentionLearns(_ model: String, recomputing: Bool) throws {
        let backbone = try Self.open(model)
        let plain = Self.hidden(backbone)
        let key = backbone.linearLayers.first { $0.site.role == .key }
        // Models of one matrix for all three have as many heads of each.
        let width = key?.outputs ?? backbone.sizes.hidden
        var stream = RandomStream(seed: 1, purpose: "prefix")
        let matrices = [Matrix(rows: 2, columns: width), Matrix(rows: 2, columns: width)]
        for matrix in matrices { stream.fillNormal(matrix, deviation: 0.5) }
        let prefix = AttentionPrefix(matrices)
        backbone.hooks.attention = [0: prefix]
        let vector = ParameterVector(prefix.parameters)
        let gradients = Matrix(rows: 1, columns: vector.count)
        let targets = (0..<11).map { Float($0 % 3) }
        let reader = Matrix(rows: 1, columns: backbone.sizes.hidden)
        stream.fillNormal(reader, deviation: 1)
        let weight = Weight(name: "reader", matrix: Float32Weight(reader))
        func loss(_ tape: Tape) -> Double {
            let hidden = backbone.hiddenStates(
                PackedBatch(Self.sequences), recomputing: recomputing, on: tape)
            return tape.squaredError(
                tape.linear(hidden, weight: weight, bias: nil), targets: targets, divisor: 11)
        }
        let tape = Tape(pool: BufferPool(), parameterGradients: gradients, dropoutStream: nil)
        _ = loss(tape)
        tape.backward()
        #expect(relativeError(Self.hidden(backbone), plain) > 1e-3)
        for (number, parameter) in prefix.parameters.enumerated() {
            for place in [0, width - 1, width + 2] {
                let value = parameter.values.pointer[place]
                func moved(_ step: Float) -> Double {
                    parameter.values.pointer[place] = value + step
                    defer { parameter.values.pointer[place] = value }
                    return loss(Tape(evaluatingWith: BufferPool()))
                }
                let slope = (moved(1e-2) - moved(-1e-2)) / 2e-2
                let found = Double(gradients.pointer[vector.range(of: parameter).lowerBound + place])
                // Steps of 1e-2 in Float32: their third derivatives and rounding.
                #expect(
                    abs(slope - found) < 2e-2 * max(abs(slope), 0.05), "\(number) \(place): \(slope) \(found)"
                )
            }
        }
    }
}
