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

/// Prefix and prompt tuning beside PEFT's of scripts/goldens/virtual_tokens.py; a prefix on BERT beside the paper's formula.
@Suite struct VirtualTokenTrainingTests {
    static let cases: [(name: String, model: String)] = [
        ("llama-prefix", "llama"), ("llama-prompt", "llama"), ("gpt2-prefix", "gpt2"),
        ("gpt2-prompt", "gpt2"), ("qwen3-prefix", "decoders/qwen3"), ("gemma3-prompt", "decoders/gemma3"),
        ("llama-prefix-classes", "llama"), ("gpt2-prompt-classes", "gpt2"), ("bert-prompt", "bert"),
        ("roberta-prompt", "encoders/roberta"), ("bert-prefix", "bert"),
    ]

    private struct Case {
        let backbone: any Backbone
        let model: SequenceModel
        let loaded: PEFTFolder.Loaded
        let data: TokenizedDataset
        let expected: TensorStore
        let adapter: URL

        init(_ name: String, _ model: String) throws {
            backbone = try PretrainedModel.open(Golden.url("\(model)/model")).openBackbone()
            let speaks = !name.hasSuffix("-classes") && backbone.architecture.isDecoder
            let head =
                speaks
                ? try backbone.vocabularyHead()
                : try SequenceHead(
                    backbone: backbone, outputs: 4,
                    pooling: backbone.architecture.isDecoder ? .last : .pooler,
                    dropout: 0, stream: RandomStream(seed: 0, purpose: "overwritten"))
            adapter = Golden.url("virtual-tokens/\(name)/adapter")
            loaded = try PEFTFolder.load(adapter, onto: backbone, head: head)
            self.model = SequenceModel(backbone: backbone, head: head, workers: Workers(count: 2))
            expected = try Golden.tensors("virtual-tokens/\(name)/expected.safetensors")
            let rows = try Golden.json("virtual-tokens/\(name)/batch.json")["sequences"]?.array ?? []
            let ids = rows.map { $0["ids"]?.array?.compactMap { $0.int.map(Int32.init) } ?? [] }
            let labels = rows.map { Int32($0["label"]?.int ?? 0) }
            data = TokenizedDataset(
                sequences: ids.map { .init(ids: $0, typeIDs: $0.map { _ in 0 }) },
                objective: speaks ? NextTokenObjective(ids: ids) : ClassObjective(truth: labels))
        }

        /// The method at work on what the folder brought.
        func method(_ name: String) throws -> any FineTuning {
            var tuning = TuningSettings()
            tuning.method = try #require(FineTuningMethod.named(name))
            return try tuning.method.start(
                MethodStart(
                    settings: tuning, backbone: backbone, totalSteps: 20, seed: 1, isResumed: false,
                    trained: loaded.set, headForm: .sequence(.pooler), workers: Workers(count: 1),
                    lookAtBatches: { _, _ in },
                    readRanks: { _, _ in [:] }))
        }

        /// Of the parts' parameters in a flat vector, in the order of the file.
        func inTheFilesOrder(_ flat: Matrix, _ vector: ParameterVector) -> [Float] {
            let parameters = loaded.set.parameters
            return (0..<parameters[0].values.rows).flatMap { row in
                parameters.flatMap { parameter in
                    let (start, width) = (vector.range(of: parameter).lowerBound, parameter.values.columns)
                    return (0..<width).map { flat.pointer[start + row * width + $0] }
                }
            }
        }
    }

    private static func kind(_ name: String) -> String { name.contains("prefix") ? "prefix" : "prompt" }

    // 1e-5 and 1e-4: what other Float32 sums of these sizes differ by, as for LoRA.
    @Test(arguments: cases) func logitsAndGradientsArePEFTs(name: String, model: String) throws {
        let it = try Case(name, model)
        #expect(it.loaded.set.kind == Self.kind(name) && it.loaded.set.adapters.isEmpty)
        if it.expected.tensor("logits") != nil {
            let theirs = try it.expected.floats("logits")
            #expect(relativeError(it.model.logits(it.data).values, theirs) < 1e-5)
        }
        let vector = ParameterVector(it.loaded.set.parameters + it.model.head.parameters)
        let gradients = Matrix(rows: 1, columns: vector.count)
        var shards: [Matrix] = []
        let loss = try it.model.lossAndGradient(
            it.data, indices: Array(0..<it.data.count), into: gradients, shardGradients: &shards, seed: 1,
            step: 1
        ).loss
        #expect(abs(loss - Double(try it.expected.floats("loss")[0])) < 1e-5 * loss)
        let theirs = try it.expected.floats("grad.prompt_embeddings")
        #expect(relativeError(it.inTheFilesOrder(gradients, vector), theirs) < 1e-4)
        for parameter in it.model.head.parameters where parameter.name.hasSuffix("weight") {
            let range = vector.range(of: parameter)
            let ours = range.map { gradients.pointer[$0] }
            #expect(
                relativeError(ours, try it.expected.floats("grad.\(parameter.name)")) < 1e-4,
                "\(parameter.name)")
        }
    }

    /// 1e-4 relative: twenty steps of Adam move what rounding differs by, which in PyTorch's own Float64 is 1e-6 at the end.
    @Test(arguments: cases) func twentySteps(name: String, model: String) throws {
        let it = try Case(name, model)
        let rate = LearningRate(peak: 5e-3, shape: .constant, warmupSteps: 0, totalSteps: 20)
        var settings = TrainerSettings(learningRate: rate, headLearningRate: rate)
        settings.weightDecay = 0.01
        let trainer = Trainer(model: it.model, method: try it.method(Self.kind(name)), settings: settings)
        let losses = try it.expected.floats("losses")
        #expect(losses.count == 20)
        for (index, loss) in losses.enumerated() {
            let result = try trainer.step(index + 1, data: it.data, indices: Array(0..<it.data.count))
            #expect(
                abs(result.loss - Double(loss)) < 1e-4 * Double(loss), "step \(index + 1): \(result.loss)")
        }
        let parameters = it.loaded.set.parameters
        let final = (0..<parameters[0].values.rows).flatMap { row in
            parameters.flatMap {
                Array(UnsafeBufferPointer(start: $0.values.row(row), count: $0.values.columns))
            }
        }
        #expect(relativeError(final, try it.expected.floats("final.prompt_embeddings")) < 1e-4)
    }

    /// What is written has PEFT's tensors to the bit, and what its configuration says of shapes.
    @Test(arguments: cases) func theFolderIsPEFTs(name: String, model: String) throws {
        let it = try Case(name, model)
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "virtual-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try PEFTFolder.write(
            it.loaded.set, as: .lora, head: it.model.head.parameters.isEmpty ? nil : it.model.head,
            baseModel: "x", into: folder)
        let ours = try TensorStore(file: folder.appendingPathComponent(PEFTFolder.weightsFile))
        let theirs = try TensorStore(file: it.adapter.appendingPathComponent(PEFTFolder.weightsFile))
        #expect(Set(ours.tensors.map(\.name)) == Set(theirs.tensors.map(\.name)))
        for tensor in theirs.tensors {
            #expect(ours.info(tensor.name)?.shape == tensor.shape)
            #expect(try ours.floats(tensor.name) == theirs.floats(tensor.name), "\(tensor.name)")
        }
        let config = try JSONValue.read(folder.appendingPathComponent(PEFTFolder.configurationFile))
        let known = try JSONValue.read(it.adapter.appendingPathComponent(PEFTFolder.configurationFile))
        for key in [
            "peft_type", "num_virtual_tokens", "token_dim", "num_layers", "num_transformer_submodules",
        ] {
            #expect(config[key] == known[key] && config[key] != nil, "\(key)")
        }
        if name.contains("prefix") { #expect(config["num_attention_heads"] == known["num_attention_heads"]) }
    }

    private static func started(
        _ method: String, _ model: String, _ change: (inout VirtualTokenSettings) -> Void = { _ in },
        text: [Int32] = [], trained: AdapterSet? = nil, head: HeadForm = .sequence(.mean)
    ) throws -> (backbone: any Backbone, method: any FineTuning) {
        let backbone = try PretrainedModel.open(Golden.url("\(model)/model")).openBackbone()
        var tuning = TuningSettings()
        tuning.method = try #require(FineTuningMethod.named(method))
        tuning.virtual.count = 3
        change(&tuning.virtual)
        let start = MethodStart(
            settings: tuning, backbone: backbone, totalSteps: 20, seed: 1, isResumed: false,
            trained: trained, headForm: head, workers: Workers(count: 1),
            lookAtBatches: { _, _ in },
            readRanks: { _, _ in [:] }, readTokens: { _, _ in text })
        return (backbone, try tuning.method.start(start))
    }

    /// What PEFT makes of the cache of a text, and what the model itself does with that text before others.
    @Test func aPrefixStartsFromAText() throws {
        let expected = try Golden.tensors("virtual-tokens/llama-prefix/expected.safetensors")
        let text = try #require(
            try Golden.json("virtual-tokens/llama-prefix/batch.json")["sequences"]?.array?[3]["ids"]?.array)
        let ids = text.prefix(3).compactMap { $0.int.map(Int32.init) }
        let (backbone, method) = try Self.started("prefix", "llama", text: ids)
        let parameters = method.adapters.parameters
        let ours = (0..<3).flatMap { row in
            parameters.flatMap {
                Array(UnsafeBufferPointer(start: $0.values.row(row), count: $0.values.columns))
            }
        }
        #expect(relativeError(ours, try expected.floats("textStart")) < 1e-5)
        for model in ["llama", "gpt2", "decoders/gemma3", "bert"] {
            let (prefixed, _) = try Self.started("prefix", model, text: ids)
            func hidden(_ backbone: any Backbone, _ ids: [Int32]) -> Matrix {
                backbone.hiddenStates(
                    PackedBatch([(ids, ids.map { _ in 0 })]), on: Tape(evaluatingWith: BufferPool())
                ).value
            }
            let after = hidden(prefixed, [7, 9])
            let whole = hidden(
                try PretrainedModel.open(Golden.url("\(model)/model")).openBackbone(), ids + [7, 9])
            let error = relativeError(after.values, whole.rows(3..<5).values)
            // An encoder's text would see what follows it, and its tokens stay where they are.
            #expect(model == "bert" ? error > 1e-3 : error < 1e-5, "\(model): \(error)")
        }
        _ = backbone
    }

    @Test func starts() throws {
        let zero = try Self.started("prefix", "gpt2", { $0.prefixStart = .zero }).method
        #expect(zero.adapters.parameters.allSatisfy { $0.values.values.allSatisfy { $0 == 0 } })
        let random = try Self.started("prefix", "bert", { $0.prefixStart = .random }).method
        let values = random.adapters.parameters.flatMap(\.values.values)
        // N(0, 1): 768 of them.
        #expect(abs(values.reduce(0) { $0 + $1 * $1 } / Float(values.count) - 1) < 0.2)
        #expect(random.warnings.contains { $0.contains("PEFT runs no prefix on encoders") })
        for (model, isScaled) in [("llama", false), ("decoders/gemma3", true), ("decoders/granite", false)] {
            let (backbone, prompt) = try Self.started(
                "prompt", model, { $0.promptStart = .text }, text: [5, 6])
            let words = try #require(backbone.weights.first { $0.name.contains("embed_tokens") }).dense()
            let factor = isScaled ? Float(words.columns).squareRoot() : 1
            let rows = [5, 6, 5].flatMap { word in
                (0..<words.columns).map { words.row(word)[$0] * factor }
            }
            #expect(relativeError(prompt.adapters.parameters[0].values.values, rows) < 1e-6, "\(model)")
            let drawn = try Self.started("prompt", model).method.adapters.parameters[0].values
            let isWord = (0..<words.rows).contains { word in
                (0..<words.columns).allSatisfy { words.row(word)[$0] * factor == drawn.row(0)[$0] }
            }
            #expect(isWord, "\(model)")
        }
        let seen = try Self.started("prompt", "bert", head: .sequence(.pooler)).method
        #expect(seen.warnings.contains { $0.contains("reads the first virtual token") })
    }

    /// The formulas that the help has.
    @Test(arguments: ["llama", "gpt2", "decoders/qwen3", "bert", "encoders/albert", "encoders/electra"])
    func parametersAreCounted(_ model: String) throws {
        let help = Dictionary(
            TuningSettings.methodRows.map { ($0.key, $0.help) }, uniquingKeysWith: { one, _ in one })
        #expect(
            help["virtual-tokens"]?.contains("2·L·K·N") == true
                && help["virtual-tokens"]?.contains("E·N") == true)
        let (backbone, prefix) = try Self.started("prefix", model, { $0.prefixStart = .zero })
        #expect(
            prefix.adapters.parameters.reduce(0) { $0 + $1.values.count }
                == PrefixTuning.parameters(
                    count: 3, layers: backbone.sizes.layers, columns: backbone.keyShape.columns))
        let (other, prompt) = try Self.started("prompt", model)
        #expect(
            prompt.adapters.parameters.reduce(0) { $0 + $1.values.count }
                == PromptTuning.parameters(count: 3, columns: other.wordRows([1]).columns))
    }

    @Test func whatCannotBeIsRefusedByName() throws {
        #expect {
            try Self.started("prefix", "encoders/deberta", text: [5])
        } throws: {
            "\($0)".contains("--method prefix: DeBERTa")
                || "\($0)".contains("attends by the distance of tokens")
        }
        #expect {
            try Self.started("prompt", "gpt2", { $0.count = 32 })
        } throws: {
            "\($0)".contains("--virtual-tokens 32 takes all 32 positions")
        }
        #expect {
            try Self.started("prefix", "gpt2", text: [])
        } throws: {
            "\($0)".contains("no tokens to start virtual tokens from")
        }
        let prompt = try Self.started("prompt", "gpt2").method.adapters
        #expect {
            try Self.started("prefix", "gpt2", trained: prompt)
        } throws: {
            "\($0)".contains("prompt")
        }
        #expect {
            try prompt.requireSums(for: "export --to gguf-lora")
        } throws: {
            "\($0)".hasPrefix(
                "export --to gguf-lora needs updates of matrices, and a prompt acts beside them")
        }
    }

    /// Folders that are not what they say.
    @Test(
        arguments: [
            ("num_virtual_tokens", .number(4), "shape"), ("num_virtual_tokens", .number(64), "positions"),
            ("num_virtual_tokens", .null, "missing"),
            ("num_transformer_submodules", .number(2), "not supported"),
        ] as [(String, JSONValue, String)]) func hostileFolders(key: String, value: JSONValue, text: String)
        throws
    {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "virtual-\(UUID().uuidString)")
        try FileManager.default.copyItem(at: Golden.url("virtual-tokens/gpt2-prefix/adapter"), to: folder)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent(PEFTFolder.configurationFile)
        var config = try #require(try JSONValue.read(file).object)
        config[key] = value
        try Data(JSONValue.object(config).bytes(pretty: true)).write(to: file)
        let backbone = try PretrainedModel.open(Golden.url("gpt2/model")).openBackbone()
        #expect {
            try PEFTFolder.load(folder, onto: backbone, head: backbone.vocabularyHead())
        } throws: {
            "\($0)".contains(text)
        }
    }
}
