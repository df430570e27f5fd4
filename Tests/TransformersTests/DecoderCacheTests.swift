import Autodiff
import GoldenFiles
import Matrices
import ModelFiles
import Testing
import Transformers

/// Adds half of the layer's own product once more.
private final class Louder: LinearAdapter {
    func output(of x: Variable, weight: Weight, bias: Weight?, on tape: Tape) -> Variable {
        let plain = tape.linear(x, weight: weight, bias: bias)
        return tape.add(plain, tape.scaled(tape.linear(x, weight: weight, bias: nil), by: 0.5))
    }
}

private final class Rows: RowPrefix {
    private let matrices: [Matrix]

    init(_ count: Int, seed: UInt64, columns: [Int]) {
        var stream = RandomStream(seed: seed, purpose: "prefix")
        matrices = columns.map { columns in
            let matrix = Matrix(rows: count, columns: columns)
            stream.fillNormal(matrix, deviation: 0.5)
            return matrix
        }
    }

    var count: Int { matrices[0].rows }

    func rows(columns: Int, on tape: Tape) -> [Variable] { matrices.map { tape.input($0) } }
}

/// A sequence read some tokens at a time, with the keys and values of those before, is the sequence read as a whole.
@Suite struct DecoderCacheTests {
    private static let models =
        ["llama", "gpt2", "gpt_neox"] + DecoderGoldens.models.map { "decoders/\($0)" }
    private static let ids = (0..<22).map { Int32(3 + $0 * $0 * 7 % 50) }

    private static func open(_ model: String) throws -> any Backbone {
        try PretrainedModel.open(Golden.url("\(model)/model")).openBackbone()
    }

    /// As many of the tokens as have positions of one kind: beyond 16 Phi's turn all otherwise, and what was given before is
    /// of the shorter sequence.
    private static func ids(_ model: String) -> [Int32] {
        model.hasSuffix("phi3") ? Array(ids.prefix(16)) : ids
    }

    @Test(arguments: models, [Array(repeating: 1, count: 22), [22], [9, 1, 1, 5, 6], [1, 15, 5, 1]])
    func piecesAreTheWhole(_ model: String, pieces: [Int]) throws {
        let backbone = try Self.open(model)
        let ids = Self.ids(model)
        let whole = try DecoderGoldens.logits(backbone, [ids])
        let cache = try #require(backbone.startCache())
        let head = try DecoderGoldens.head(backbone)
        var (start, rows): (Int, [Float]) = (0, [])
        for piece in pieces {
            let count = min(piece, ids.count - start)
            if count == 0 { break }
            let tape = Tape(evaluatingWith: BufferPool())
            let hidden = backbone.hiddenStates(
                Array(ids[start..<start + count]), after: cache, on: tape)
            #expect(hidden.rows == count)
            rows += head.logits(hidden, offsets: [0, count], on: tape).value.values
            start += count
            #expect(cache.ids == Array(ids[..<start]))
        }
        // Products of other numbers of rows may round otherwise, layer by layer.
        #expect(relativeError(rows, whole.values) < 1e-5)
    }

    /// Where a length is crossed that decides how positions turn, the rows given are those of the longer sequence.
    @Test(
        arguments: [
            ("decoders/phi3", nil), ("decoders/rope", #"{"rope_type": "dynamic", "factor": 2}"#),
        ] as [(String, String?)])
    func aLengthThatDecides(model: String, rope: String?) throws {
        let entries = try rope.map { [(key: "rope_parameters", value: try JSONValue.parse($0))] } ?? []
        let backbone = try EditedModel(model, entries: entries).backbone()
        let cache = try #require(backbone.startCache())
        var start = 0
        for count in [10, 5, 2, 1, 3, 1] {
            let hidden = backbone.hiddenStates(
                Array(Self.ids[start..<start + count]), after: cache, on: Tape(evaluatingWith: BufferPool()))
            start += count
            let whole = DecoderGoldens.hidden(backbone, [Array(Self.ids[..<start])])
            #expect(relativeError(hidden.value.values, whole.rows(start - count..<start).values) < 1e-5)
        }
    }

    @Test(arguments: models) func methodsAct(_ model: String) throws {
        let backbone = try Self.open(model)
        let plain = DecoderGoldens.hidden(backbone, [Self.ids])
        // Keys are 16 of the columns of every fused matrix here.
        let keys = backbone.linearLayers.first { $0.site.role == .key }?.outputs ?? 16
        backbone.hooks.attention = [1: Rows(3, seed: 1, columns: [keys, keys])]
        backbone.hooks.input = Rows(2, seed: 2, columns: [backbone.sizes.hidden])
        for layer in backbone.linearLayers { layer.adapter = Louder() }
        #expect(relativeError(DecoderGoldens.hidden(backbone, [Self.ids]).values, plain.values) > 1e-2)
        let cache = try #require(backbone.startCache())
        // Those before them have positions too, five in all.
        let ids = Array(Self.ids(model).dropLast(5))
        let whole = DecoderGoldens.hidden(backbone, [ids])
        var rows: [Float] = []
        for piece in [0..<6, 6..<7, 7..<ids.count] {
            rows +=
                backbone.hiddenStates(
                    Array(ids[piece]), after: cache, on: Tape(evaluatingWith: BufferPool())
                ).value.values
        }
        #expect(relativeError(rows, whole.values) < 1e-5)
    }

    @Test func anEncoderHasNone() throws {
        #expect(try Self.open("bert").startCache() == nil)
    }
}
