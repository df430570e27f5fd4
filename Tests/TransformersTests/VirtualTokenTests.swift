import Autodiff
import GoldenFiles
import Matrices
import ModelFiles
import Testing
import Transformers

/// Prefixes and prompts of scripts/goldens/virtual_tokens.py on language models, as hooks.
@Suite struct VirtualTokenTests {
    static let models = ["llama", "gpt2", "decoders/qwen3", "decoders/gemma3", "decoders/granite"]
    private static let speaking = ["llama", "gpt2"]

    private struct Case {
        let backbone: any Backbone
        let folder: String
        /// Keys and values layer by layer, or the rows of the input
        let hooks: [AttentionPrefix]
        let sequences: [[Int32]]

        init(_ model: String, _ kind: String) throws {
            backbone = try PretrainedModel.open(Golden.url("\(model)/model")).openBackbone()
            folder = "virtual-tokens/\(model.replacing("decoders/", with: ""))-\(kind)"
            let store = try Golden.tensors("\(folder)/adapter/adapter_model.safetensors")
            let shape = try #require(store.tensor("prompt_embeddings")?.shape)
            let all = Matrix(
                rows: shape[0], columns: shape[1], values: try store.floats("prompt_embeddings"))
            let width = kind == "prefix" ? backbone.keyShape.columns : shape[1]
            let parts = (0..<shape[1] / width).map { part in
                let matrix = Matrix(rows: shape[0], columns: width)
                for row in 0..<shape[0] {
                    matrix.row(row).update(from: all.row(row) + part * width, count: width)
                }
                return matrix
            }
            if kind == "prefix" {
                #expect(parts.count == 2 * backbone.sizes.layers)
                hooks = (0..<backbone.sizes.layers).map {
                    AttentionPrefix([parts[2 * $0], parts[2 * $0 + 1]])
                }
                for (layer, hook) in hooks.enumerated() { backbone.hooks.attention[layer] = hook }
            } else {
                hooks = [AttentionPrefix(parts)]
                backbone.hooks.input = hooks[0]
            }
            sequences =
                try Golden.json("\(folder)/batch.json")["sequences"]?.array?.map {
                    $0["ids"]?.array?.compactMap { $0.int.map(Int32.init) } ?? []
                } ?? []
        }
    }

    // 1e-5 and 1e-4: what other Float32 sums of these sizes differ by, as in the goldens without virtual tokens.
    @Test(arguments: models, ["prefix", "prompt"]) func valuesAndGradientsArePEFTs(
        _ model: String, kind: String
    ) throws {
        let it = try Case(model, kind)
        let expected = try Golden.tensors("\(it.folder)/expected.safetensors")
        #expect(it.sequences.count == 4)
        let logits = try DecoderGoldens.logits(it.backbone, it.sequences)
        var last: [Float] = []
        var end = 0
        for sequence in it.sequences {
            end += sequence.count
            last += logits.rows(end - 1..<end).values
        }
        #expect(relativeError(last, try expected.floats("lastLogits")) < 1e-5)

        let vector = ParameterVector(it.hooks.flatMap(\.parameters))
        for recomputing in [false, true] {
            let gradients = Matrix(rows: 1, columns: vector.count)
            let tape = Tape(pool: BufferPool(), parameterGradients: gradients, dropoutStream: nil)
            let batch = DecoderGoldens.packed(it.sequences)
            let hidden = it.backbone.hiddenStates(batch, recomputing: recomputing, on: tape)
            let head = try DecoderGoldens.head(it.backbone)
            let targets = DecoderGoldens.targets(it.sequences)
            let loss = tape.vocabularyCrossEntropy(
                hidden, weight: head.outputMatrix, targets: targets,
                divisor: Double(targets.count { $0 != Tape.ignoredLabel }),
                transform: head.outputTransform)
            #expect(abs(loss - Double(try expected.floats("loss")[0])) < 1e-5 * loss)
            tape.backward()
            // Their columns stand by row: K of layer 0, V of layer 0, K of layer 1 …
            var ours: [Float] = []
            for row in 0..<it.hooks[0].count {
                for parameter in it.hooks.flatMap(\.parameters) {
                    let (start, width) = (
                        vector.range(of: parameter).lowerBound, parameter.values.columns
                    )
                    ours += (0..<width).map { gradients.pointer[start + row * width + $0] }
                }
            }
            #expect(relativeError(ours, try expected.floats("grad.prompt_embeddings")) < 1e-4)
        }
    }

    /// Each the likeliest of a forward pass over all tokens before it.
    @Test(arguments: speaking, ["prefix", "prompt"]) func aCacheWritesWhatTheWholeDoes(
        _ model: String, kind: String
    ) throws {
        let it = try Case(model, kind)
        let cache = try #require(it.backbone.startCache())
        let head = try DecoderGoldens.head(it.backbone)
        var (next, written): ([Int32], [Int]) = (it.sequences[1], [])
        for _ in 0..<8 {
            let tape = Tape(evaluatingWith: BufferPool())
            let hidden = it.backbone.hiddenStates(next, after: cache, on: tape)
            let last = tape.rows(hidden, [next.count - 1])
            let logits = head.logits(last, offsets: [0, 1], on: tape).value.values
            let likeliest = logits.indices.max { logits[$0] < logits[$1] } ?? 0
            written.append(likeliest)
            next = [Int32(likeliest)]
        }
        let expected = try Golden.json("\(it.folder)/generated.json")["ids"]?.array?.compactMap(\.int)
        #expect(written == expected)
    }

    /// What sequences begin with alike is computed once behind a prefix of the layers, and by itself behind one of the input.
    @Test(arguments: models) func commonBeginnings(_ model: String) throws {
        let it = try Case(model, "prefix")
        let beginning = it.sequences[3].prefix(10)
        let sequences = it.sequences.map {
            (beginning + $0.prefix(4), [Int32](repeating: 0, count: 10 + min(4, $0.count)))
        }
        .map { (ids: Array($0.0), typeIDs: $0.1) }
        let alone = it.backbone.hiddenStates(
            PackedBatch(sequences), on: Tape(evaluatingWith: BufferPool()))
        let batch = PackedBatch(sequences, isShared: true)
        #expect(batch.tree != nil && it.backbone.sharesBeginnings(longest: 14))
        let shared = it.backbone.hiddenStates(batch, on: Tape(evaluatingWith: BufferPool()))
        // Products of other numbers of rows may round otherwise.
        #expect(relativeError(shared.value.values, alone.value.values) < 1e-5)
        it.backbone.hooks.attention = [:]
        it.backbone.hooks.input = try Case(model, "prompt").hooks[0]
        #expect(!it.backbone.sharesBeginnings(longest: 14))
    }

    /// Positions that are left for tokens, of decoders and of encoders, whose tokens stay where they are.
    @Test func theLongestSequence() throws {
        let it = try Case("gpt2", "prefix")
        #expect(it.backbone.longestSequence == it.backbone.sizes.positions - 3)
        let encoder = try PretrainedModel.open(Golden.url("bert/model")).openBackbone()
        encoder.hooks.attention = [
            0: AttentionPrefix([Matrix(rows: 2, columns: 32), Matrix(rows: 2, columns: 32)])
        ]
        #expect(encoder.longestSequence == encoder.sizes.positions)
        encoder.hooks.input = AttentionPrefix([Matrix(rows: 2, columns: 32)])
        #expect(encoder.longestSequence == encoder.sizes.positions - 2)
    }

    /// The row that the layers of an encoder see first, and that of its first token.
    @Test func rowsOfAnEncoderBehindAPrompt() throws {
        let encoder = try PretrainedModel.open(Golden.url("bert/model")).openBackbone()
        let batch = PackedBatch([([5, 6, 7], [0, 0, 1]), ([8], [0])])
        func rows(_ rows: HiddenRows) -> [Float] {
            encoder.hiddenStates(batch, rows: rows, on: Tape(evaluatingWith: BufferPool())).value.values
        }
        #expect(rows(.start) == rows(.first))
        let prompt = Matrix(rows: 1, columns: 32)
        let words = try #require(encoder.weights.first { $0.name.contains("word_embeddings") })
        prompt.row(0).update(from: words.dense().row(9), count: 32)
        let whole = encoder.hiddenStates(
            PackedBatch([([9, 5, 6, 7], [0, 0, 0, 1]), ([9, 8], [0, 0])]),
            on: Tape(evaluatingWith: BufferPool())
        ).value
        encoder.hooks.input = AttentionPrefix([prompt])
        #expect(relativeError(rows(.start), whole.rows(0..<1).values + whole.rows(4..<5).values) < 1e-5)
        #expect(relativeError(rows(.first), whole.rows(1..<2).values + whole.rows(5..<6).values) < 1e-5)
    }
}
