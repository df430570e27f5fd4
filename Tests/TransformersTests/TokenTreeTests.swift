import Autodiff
import GoldenFiles
import Matrices
import Testing
import Transformers

@Suite struct TokenTreeTests {
    private func typed(_ sequences: [[Int32]]) -> [(ids: [Int32], typeIDs: [Int32])] {
        sequences.map { ($0, $0.map { _ in 0 }) }
    }

    /// What each sequence reads in the tree: its tokens, and the segments that they stand in.
    private func check(_ tree: TokenTree, _ sequences: [[Int32]]) {
        #expect(tree.rows.map { tree.ids[$0] } == sequences.flatMap(\.self))
        #expect(Set(tree.rows) == Set(0..<tree.tokens))
        #expect(tree.segments.flatMap(\.rows) == Array(0..<tree.tokens))
        var owner = [Int](repeating: 0, count: tree.tokens)
        for (number, segment) in tree.segments.enumerated() {
            #expect(!segment.rows.isEmpty && segment.parent ?? -1 < number)
            let parent = segment.parent.map { tree.segments[$0] }
            #expect(segment.depth == parent.map { $0.depth + $0.rows.count } ?? 0)
            for row in segment.rows { owner[row] = number }
        }
        // A sequence's rows are whole segments, each below the one before it.
        var start = 0
        for sequence in sequences {
            let rows = tree.rows[start..<start + sequence.count]
            start += sequence.count
            var place = rows.startIndex
            var above: Int?
            while place < rows.endIndex {
                let number = owner[rows[place]]
                let segment = tree.segments[number]
                #expect(segment.parent == above && segment.depth == place - rows.startIndex)
                #expect(Array(rows[place..<place + segment.rows.count]) == Array(segment.rows))
                (above, place) = (number, place + segment.rows.count)
            }
        }
    }

    @Test func byHand() throws {
        let system = (0..<10).map { Int32($0) }
        let question = (20..<30).map { Int32($0) }
        let rows = [
            system + question + [1, 2, 3], [7, 7], system + question + [1, 4], system + [50, 51],
            system + question + [1, 2, 3], system + question,
        ]
        let tree = try #require(TokenTree(typed(rows)))
        check(tree, rows)
        // One token in common is no branch of its own; the row that is there twice is there once.
        #expect(tree.tokens == 2 + 10 + 10 + 3 + 2 + 2)
        #expect(tree.segments.map(\.depth) == [0, 10, 20, 20, 10, 0])
        #expect(tree.segments.map(\.parent) == [nil, 0, 1, 1, 0, nil])
        #expect(PackedBatch(typed(rows), isShared: true).tree == tree)
        #expect(PackedBatch(typed(rows)).tree == nil)
    }

    @Test func littleIsNotShared() {
        let rows: [[Int32]] = (0..<4).map { row in
            (0..<90).map { place -> Int32 in Int32(place < 8 ? place : 100 * row + place) }
        }
        // 360 tokens, 336 of the tree
        #expect(TokenTree(typed(rows)) == nil)
        #expect(TokenTree(typed(rows.map { Array($0.prefix(60)) })) != nil)
        #expect(TokenTree(typed(rows.map { Array($0.prefix(7) + $0[20..<22]) })) == nil)
        // Equal rows are one, however short.
        #expect(TokenTree(typed(rows.map { Array($0.prefix(3)) }))?.tokens == 3)
        #expect(TokenTree(typed([rows[0]])) == nil && TokenTree([]) == nil)
    }

    @Test func otherTypesAreOtherTokens() throws {
        let ids = (0..<20).map { Int32($0) }
        let types = (0..<20).map { place -> Int32 in place < 12 ? 0 : 1 }
        let tree = try #require(TokenTree([(ids, types), (ids, ids.map { _ in 0 })]))
        #expect(tree.tokens == 28 && tree.segments.count == 3)
    }

    /// Rows that grow out of each other by chance: many levels, beginnings of others, equal ones.
    @Test(arguments: 0..<30) func anyRows(seed: Int) throws {
        var stream = RandomStream(seed: UInt64(seed), purpose: "rows")
        var rows: [[Int32]] = [[1]]
        for _ in 0..<40 {
            let from = rows[Int(stream.uniform() * Double(rows.count))]
            let kept = Int(stream.uniform() * Double(from.count + 1))
            let more = Int(stream.uniform() * 30)
            var row = Array(from.prefix(kept))
            for _ in 0..<more { row.append(Int32(stream.uniform() * 3)) }
            rows.append(row.isEmpty ? from : row)
        }
        let order = BeginningOrder(typed(rows))
        #expect(order.order.sorted() == Array(rows.indices) && order.tokens == rows.joined().count)
        let tree = try #require(TokenTree(typed(rows)))
        check(tree, rows)
        // Short branches of branches are not made.
        #expect(tree.tokens >= order.treeTokens && tree.tokens < order.treeTokens + 8 * rows.count)
        // Prefixes that differ are other rows of the tree at least.
        #expect(tree.tokens >= Set(rows.flatMap { row in row.indices.map { Array(row[...$0]) } }).count)
    }
}

/// Models that compute once what sequences begin with alike, beside themselves on each sequence.
@Suite struct SharedBeginningTests {
    static let models = ["llama", "gpt2", "gpt_neox"] + DecoderGoldens.models.map { "decoders/\($0)" }

    /// A beginning of 10 tokens, questions of 8 and 9 and answers behind it; a row that is there twice, one that others begin
    /// with, and one by itself.
    static let sequences: [[Int32]] = {
        func tokens(_ count: Int, _ factor: Int) -> [Int32] {
            (0..<count).map { Int32(3 + ($0 * factor + factor) % 50) }
        }
        let system = tokens(10, 7)
        let (first, second) = (system + tokens(8, 11), system + tokens(9, 13))
        let ends: [([Int32], [Int32])] = [
            (first, tokens(3, 3)), (second, tokens(5, 17)), ([], tokens(5, 19)), (first, tokens(6, 5)),
            (first, []), (system, tokens(4, 23)), (first, tokens(3, 3)), (second, tokens(1, 29)),
        ]
        return ends.map { $0.0 + $0.1 }
    }()

    private static func batch(isShared: Bool) -> PackedBatch {
        PackedBatch(sequences.map { ($0, $0.map { _ in 0 }) }, isShared: isShared)
    }

    static func open(_ model: String) throws -> any Backbone {
        try PretrainedModel.open(Golden.url("\(model)/model")).openBackbone()
    }

    /// Sequences of more than 16 rows have other positions in the tiny Phi 3.
    private static func shares(_ model: String) -> Bool { model != "decoders/phi3" }

    // Sums in another order, in Float32: 1e-5, as between implementations.
    @Test(arguments: models) func everyLayerIsTheSame(_ model: String) throws {
        let backbone = try Self.open(model)
        let longest = Self.sequences.reduce(0) { max($0, $1.count) }
        #expect(backbone.sharesBeginnings(longest: longest) == Self.shares(model))
        #expect(backbone.sharesBeginnings(longest: 16))
        func layers(isShared: Bool) -> [Matrix] {
            var layers: [Matrix] = []
            let tape = Tape(evaluatingWith: BufferPool())
            let out = backbone.hiddenStates(
                Self.batch(isShared: isShared), rows: .all, recomputing: false, on: tape
            ) { layers.append(Matrix(copying: $1.value)) }
            return layers + [out.value]
        }
        let (shared, plain) = (layers(isShared: true), layers(isShared: false))
        #expect(shared.count == backbone.sizes.layers + 2 && plain.count == shared.count)
        for (layer, (one, other)) in zip(shared, plain).enumerated() {
            #expect(one.rows == other.rows && one.rows == Self.sequences.joined().count)
            #expect(relativeError(one.values, other.values) < 1e-5, "layer \(layer)")
        }
        if !Self.shares(model) { #expect(shared.map(\.values) == plain.map(\.values)) }
    }

    /// The hidden rows that are read, and what a loss of words gives these parameters.
    private static func step(
        _ backbone: any Backbone, _ parameters: [Parameter], isShared: Bool, rows: HiddenRows = .all,
        recomputing: Bool = false
    ) throws -> (hidden: [Float], gradients: [Float]) {
        let vector = ParameterVector(parameters)
        let gradients = Matrix(rows: 1, columns: vector.count)
        let tape = Tape(pool: BufferPool(), parameterGradients: gradients, dropoutStream: nil)
        let hidden = backbone.hiddenStates(
            batch(isShared: isShared), rows: rows, recomputing: recomputing, on: tape)
        let values = hidden.value.values
        let head = try DecoderGoldens.head(backbone)
        _ = tape.vocabularyCrossEntropy(
            hidden, weight: head.outputMatrix, targets: (0..<hidden.rows).map { Int32($0 % 47) },
            divisor: Double(hidden.rows), transform: head.outputTransform)
        tape.backward()
        return (values, gradients.values)
    }

    /// Hidden rows, and gradients of all weights, of the rows that somebody reads.
    @Test(arguments: models, [false, true]) func gradientsAreTheSame(_ model: String, recomputing: Bool)
        throws
    {
        for rows in [HiddenRows.all, .last, .some([0, 1, 9, 20, 21, 44, 45, 47, 80, 100, 119]), .first] {
            func run(isShared: Bool) throws -> (hidden: [Float], gradients: [Float]) {
                let backbone = try Self.open(model)
                return try Self.step(
                    backbone, backbone.weights.map { $0.thaw() }, isShared: isShared, rows: rows,
                    recomputing: recomputing)
            }
            let (shared, plain) = (try run(isShared: true), try run(isShared: false))
            #expect(shared.hidden.count == plain.hidden.count)
            #expect(relativeError(shared.hidden, plain.hidden) < 1e-5)
            // Of a batch the sums of rows run in another order: 1e-5 of the largest.
            #expect(relativeError(shared.gradients, plain.gradients) < 1e-5)
        }
    }

    /// Keys and values before every path stand there once.
    @Test(arguments: ["llama", "gpt2", "decoders/gemma3"]) func aPrefixOfAttentionIsBeforeEachPath(
        _ model: String
    )
        throws
    {
        let backbone = try Self.open(model)
        let key = backbone.linearLayers.first { $0.site.role == .key }
        let width = key?.outputs ?? backbone.sizes.hidden
        var stream = RandomStream(seed: 1, purpose: "prefix")
        let matrices = [Matrix(rows: 2, columns: width), Matrix(rows: 2, columns: width)]
        for matrix in matrices { stream.fillNormal(matrix, deviation: 0.5) }
        let prefix = AttentionPrefix(matrices)
        func run(isShared: Bool) throws -> (hidden: [Float], gradients: [Float]) {
            try Self.step(backbone, prefix.parameters, isShared: isShared)
        }
        let without = try run(isShared: true).hidden
        backbone.hooks.attention = [0: prefix, 1: prefix]
        let (shared, plain) = (try run(isShared: true), try run(isShared: false))
        #expect(relativeError(shared.hidden, without) > 1e-3)
        #expect(relativeError(shared.hidden, plain.hidden) < 1e-5)
        #expect(relativeError(shared.gradients, plain.gradients) < 1e-5)
        // Rows before each sequence, which have positions, are none of the tree's.
        let words = Matrix(rows: 2, columns: backbone.sizes.hidden)
        stream.fillNormal(words, deviation: 0.5)
        backbone.hooks.input = AttentionPrefix([words])
        #expect(!backbone.sharesBeginnings(longest: 9))
        #expect(try run(isShared: true).hidden == run(isShared: false).hidden)
    }

    @Test func encodersReadEachSequence() throws {
        let backbone = try Self.open("bert")
        #expect(!backbone.sharesBeginnings(longest: 8))
        func hidden(isShared: Bool) -> [Float] {
            backbone.hiddenStates(Self.batch(isShared: isShared), on: Tape(evaluatingWith: BufferPool()))
                .value.values
        }
        #expect(hidden(isShared: true) == hidden(isShared: false))
    }
}
