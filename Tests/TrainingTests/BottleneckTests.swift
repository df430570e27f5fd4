import Adapters
import Autodiff
import Datasets
import Foundation
import GoldenFiles
import GoldenModels
import Matrices
import ModelFiles
import Tasks
import Testing
import Training
import Transformers

/// AdapterHub's bottleneck adapters on tiny models, made by scripts/goldens/bottleneck_adapters.py.
@Suite struct BottleneckTests {
    struct Case: CustomStringConvertible, Sendable {
        let model: String
        let kind: BottleneckKind
        var description: String { "\(model)-\(kind.rawValue)" }
    }

    static let cases = ["bert", "llama", "gpt2"].flatMap { model in
        BottleneckKind.allCases.map { Case(model: model, kind: $0) }
    }

    /// One model with an adapter as the library saved it.
    private struct Opened {
        let backbone: any Backbone
        let head: SequenceHead
        let set: AdapterSet
        let data: TokenizedDataset
        let expected: TensorStore
        let batch: PackedBatch

        init(_ one: Case, folder: URL? = nil) throws {
            backbone = try PretrainedModel.open(Golden.url("\(one.model)/model")).openBackbone()
            let isClassifier = one.model == "bert"
            head =
                isClassifier
                ? try SequenceHead(
                    backbone: backbone, outputs: 5, pooling: .pooler, dropout: 0,
                    stream: RandomStream(seed: 0, purpose: "overwritten"))
                : try backbone.vocabularyHead()
            set = try PEFTFolder.load(
                folder ?? Golden.url("bottleneck/\(one)/hub"), onto: backbone, head: head,
                base: isClassifier
                    ? TensorStore(file: Golden.url("bert/model/model.safetensors")) : nil
            ).set
            let rows = try Golden.sequences(Golden.json("\(one.model)/batch.json"))
            batch = PackedBatch(rows.map { ($0.ids, $0.types) })
            data = TokenizedDataset(
                sequences: rows.map { .init(ids: $0.ids, typeIDs: $0.types) },
                objective: isClassifier
                    ? ClassObjective(truth: rows.map(\.label))
                    : NextTokenObjective(
                        ids: rows.map(\.ids), trained: rows.map { $0.ids.map { _ in true } }))
            expected = try Golden.tensors("bottleneck/\(one)/expected.safetensors")
        }

        func model(recomputing: Bool = false, threads: Int = 2) -> SequenceModel {
            SequenceModel(
                backbone: backbone, head: head, workers: Workers(count: threads),
                recomputesLayers: recomputing)
        }

        /// As the golden has them: of a classifier each sequence's, else of its last token.
        func logits() throws -> [Float] {
            head.form == .vocabulary ? try backbone.lastLogits(batch) : model().logits(data).values
        }
    }

    private static func temporary() throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "bottleneck-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder
    }

    // 1e-5: PyTorch's Float32 differs from its Float64 by up to 6e-6 here.
    @Test(arguments: cases) func logitsAreTheLibrarys(_ one: Case) throws {
        let opened = try Opened(one)
        let (ours, theirs) = (try opened.logits(), try opened.expected.floats("logits"))
        #expect(relativeError(ours, theirs) < 1e-5, "\(relativeError(ours, theirs))")
        let bare = try opened.backbone.withoutAdapters { try opened.logits() }
        #expect(relativeError(bare, theirs) > 1e-2)
    }

    // 1e-4, as for LoRA: sums over a batch in another order. Kept or run again, on one core or two.
    @Test(arguments: cases, [false, true]) func gradientsAreTheLibrarys(_ one: Case, recomputing: Bool) throws
    {
        let opened = try Opened(one)
        let model = opened.model(recomputing: recomputing, threads: recomputing ? 1 : 2)
        let vector = ParameterVector(opened.set.parameters + opened.head.parameters)
        let gradients = Matrix(rows: 1, columns: vector.count)
        var shards: [Matrix] = []
        _ = try model.lossAndGradient(
            opened.data, indices: Array(0..<opened.data.count), into: gradients, shardGradients: &shards,
            seed: 1, step: 1)
        func gradient(_ parameter: Parameter) -> [Float] {
            let range = vector.range(of: parameter)
            return Array(UnsafeBufferPointer(start: gradients.pointer + range.lowerBound, count: range.count))
        }
        let names = opened.expected.names.filter { $0.hasPrefix("grad.") && $0.contains(".adapters.") }
        #expect(names.count == opened.set.parameters.count)
        let suffixes = [
            ".adapter_down.0.weight", ".adapter_down.0.bias", ".adapter_up.weight", ".adapter_up.bias",
        ]
        for part in opened.set.parts {
            let layer = try #require(part.layer)
            for (index, parameter) in part.parameters.enumerated() {
                let isAttention = one.kind == .houlsby && index < 4
                let name = try #require(
                    names.first { name in
                        name.hasSuffix(suffixes[index % 4]) && name.contains("attention") == isAttention
                            && ["layer", "layers", "h"].contains { name.contains(".\($0).\(layer).") }
                    })
                let theirs = try opened.expected.floats(name)
                let error = relativeError(gradient(parameter), theirs)
                #expect(error < 1e-4, "\(name): \(error)")
            }
        }
        if let weight = opened.head.parameters.first(where: { $0.name == "classifier.weight" }) {
            let theirs = try opened.expected.floats("grad.classifier.weight")
            #expect(relativeError(gradient(weight), theirs) < 1e-4)
        }
    }

    /// 1e-4 of losses near 1 and 6, as for the steps of LoRA; logits after them by 1e-3, since AdamW's first steps are of
    /// the sign of gradients, small ones too.
    @Test(arguments: cases) func twentySteps(_ one: Case) throws {
        let opened = try Opened(one)
        let rate = LearningRate(peak: 1e-3, shape: .constant, warmupSteps: 0, totalSteps: 20)
        var settings = TrainerSettings(learningRate: rate, headLearningRate: rate)
        settings.weightDecay = 0.01
        let method = try Self.going(on: opened)
        let trainer = Trainer(model: opened.model(), method: method, settings: settings)
        #expect(method.adapters.parts.count == opened.set.parts.count)
        let losses = try opened.expected.floats("losses")
        #expect(losses.count == 20)
        for (index, loss) in losses.enumerated() {
            let result = try trainer.step(
                index + 1, data: opened.data, indices: Array(0..<opened.data.count))
            #expect(
                abs(result.loss - Double(loss)) < 1e-4 * Double(loss), "step \(index + 1): \(result.loss)")
        }
        #expect(relativeError(try opened.logits(), try opened.expected.floats("final")) < 1e-3)
    }

    /// Token by token after a cache the same rows, and those of a batch whatever stands beside them. 1e-5, as for models
    /// without adapters: other products of the same sizes.
    @Test(arguments: cases.filter { $0.model != "bert" }) func cachesAndRowsAreTheSame(_ one: Case) throws {
        let opened = try Opened(one)
        let ids = (3..<12).map { Int32($0 * 7 % 250) }
        let batch = PackedBatch([(ids, ids.map { _ in 0 }), ([5, 6], [0, 0])])
        let whole = opened.backbone.hiddenStates(batch, on: Tape(evaluatingWith: BufferPool())).value
        let some = opened.backbone.hiddenStates(
            batch, rows: .some([2, 8, 10]), on: Tape(evaluatingWith: BufferPool())
        ).value
        for (place, row) in [2, 8, 10].enumerated() {
            let (ours, theirs) = (some.rows(place..<place + 1), whole.rows(row..<row + 1))
            #expect(relativeError(ours.values, theirs.values) < 1e-5)
        }
        let cache = try #require(opened.backbone.startCache())
        for (row, id) in ids.enumerated() {
            let read = opened.backbone.hiddenStates(
                [id], after: cache, on: Tape(evaluatingWith: BufferPool())
            ).value
            #expect(relativeError(read.values, whole.rows(row..<row + 1).values) < 1e-5, "row \(row)")
        }
    }

    /// The method at work on the adapters that are there.
    private static func going(on opened: Opened, _ settings: TuningSettings? = nil) throws -> any FineTuning {
        let method = try #require(FineTuningMethod.named("bottleneck"))
        var settings = settings ?? TuningSettings()
        settings.method = method
        settings.fromAdapter = "here"
        return try method.start(
            MethodStart(
                settings: settings, backbone: opened.backbone, totalSteps: 20, seed: 1, isResumed: false,
                trained: opened.set, headForm: .sequence(.pooler), workers: Workers(count: 1),
                lookAtBatches: { _, _ in },
                readRanks: { _, _ in [:] }))
    }

    private static func fresh(
        _ backbone: any Backbone, _ bottleneck: BottleneckSettings, trained: AdapterSet? = nil
    ) throws -> any FineTuning {
        let method = try #require(FineTuningMethod.named("bottleneck"))
        var settings = TuningSettings()
        settings.method = method
        settings.bottleneck = bottleneck
        return try method.start(
            MethodStart(
                settings: settings, backbone: backbone, totalSteps: 20, seed: 7, isResumed: false,
                trained: trained, headForm: .sequence(.pooler), workers: Workers(count: 1),
                lookAtBatches: { _, _ in },
                readRanks: { _, _ in [:] }))
    }

    /// 2·d·b + b + d each, two a layer of Houlsby's, at the width that is given or follows.
    @Test(arguments: cases) func parametersAreThoseOfTheHelp(_ one: Case) throws {
        let opened = try Opened(one)
        let (hidden, layers) = (opened.backbone.sizes.hidden, opened.backbone.sizes.layers)
        for (width, factor, expected) in [(5, nil, 5), (nil, 3.0, hidden / 3), (nil, 1e4, 1), (nil, nil, 0)]
            as [(Int?, Double?, Int)]
        {
            var settings = BottleneckSettings()
            (settings.kind, settings.width, settings.reductionFactor) = (one.kind, width, factor)
            let b = expected > 0 ? expected : max(1, one.kind == .parallel ? hidden / 2 : hidden / 16)
            let method = try Self.fresh(opened.backbone, settings)
            let count = method.groups.flatMap(\.parameters).reduce(0) { $0 + $1.values.count }
            let each = 2 * hidden * b + b + hidden
            #expect(count == layers * each * (one.kind == .houlsby ? 2 : 1))
            #expect(method.adapters.liveParameterCount == count && method.adapters.ranks.isEmpty)
        }
    }

    /// Of the library's starts only that of parallel adapters changes nothing.
    @Test(arguments: cases) func startsAreTheLibrarys(_ one: Case) throws {
        let opened = try Opened(one)
        let bare = try opened.backbone.withoutAdapters { try opened.logits() }
        var settings = BottleneckSettings()
        (settings.kind, settings.width) = (one.kind, 8)
        let method = try Self.fresh(opened.backbone, settings)
        let error = relativeError(try opened.logits(), bare)
        #expect(one.kind == .parallel ? error == 0 : error > 0 && error < 0.2, "\(error)")
        #expect(method.adapters.hasUpdate == (one.kind != .parallel))
        let first = try #require(method.groups[0].parameters.first).values.values
        let deviation = (first.reduce(0) { $0 + Double($1 * $1) } / Double(first.count)).squareRoot()
        let bound = 1 / Double(opened.backbone.sizes.hidden).squareRoot()
        let expected = one.kind == .parallel ? bound / 3.0.squareRoot() : 0.02
        // Of 128 values and more: a fifth is over two deviations of their mean square.
        #expect(abs(deviation / expected - 1) < 0.2, "\(deviation)")
        #expect(first.allSatisfy { one.kind != .parallel || abs(Double($0)) <= bound })
    }

    /// Written in both forms and read again, to the bit.
    @Test(arguments: cases) func foldersHoldAllOfIt(_ one: Case) throws {
        let opened = try Opened(one)
        let before = opened.set.parameters.map(\.values.values)
        let (own, hub) = (try Self.temporary(), try Self.temporary())
        defer { for folder in [own, hub] { try? FileManager.default.removeItem(at: folder) } }
        try PEFTFolder.write(
            opened.set, as: opened.set.peft, head: opened.head, baseModel: "../\(one.model)/model", into: own)
        try AdapterHub.write(
            opened.set, of: opened.backbone, head: opened.head, labels: [],
            AdapterHub.Names(
                modelClass: "Any", modelType: one.model, modelName: "../\(one.model)/model", adapter: "tuned"),
            into: hub)
        for folder in [own, hub] {
            let again = try Opened(one, folder: folder)
            #expect(again.set.parameters.map(\.values.values) == before)
            #expect(again.set.parts.map(\.summary) == opened.set.parts.map(\.summary))
            #expect(try again.logits() == opened.logits())
            #expect(try PEFTFolder.baseModel(of: folder) == "../\(one.model)/model")
        }
        // What the library wrote, member by member.
        let golden = "bottleneck/\(one)/hub"
        let (ours, theirs) = (
            try JSONValue.read(hub.appendingPathComponent("adapter_config.json")),
            try Golden.json("\(golden)/adapter_config.json")
        )
        #expect(ours["config"] == theirs["config"])
        for key in ["hidden_size", "name", "model_type", "version"] { #expect(ours[key] == theirs[key]) }
        let tensors = try TensorStore(file: hub.appendingPathComponent("adapter.safetensors"))
        let known = try Golden.tensors("\(golden)/adapter.safetensors")
        #expect(Set(tensors.names) == Set(known.names))
        for name in known.names { #expect(try tensors.floats(name) == known.floats(name), "\(name)") }
    }

    /// What cannot hold it says so by name.
    @Test func formsThatCannotHoldItAreRefused() throws {
        let opened = try Opened(Case(model: "bert", kind: .pfeiffer))
        #expect(opened.set.kind == "bottleneck adapter")
        for refuse in [opened.set.requireSums, opened.set.requireMatrices] {
            #expect {
                try refuse("shrink")
            } throws: {
                "\($0)".contains(
                    "shrink needs updates of matrices, and a bottleneck adapter acts beside them")
            }
        }
        let lora = try #require(FineTuningMethod.named("lora"))
        for name in ["lora", "dora", "adalora"] {
            var settings = TuningSettings()
            settings.method = try #require(FineTuningMethod.named(name))
            settings.budget = .averageRank(2)
            #expect(throws: AdapterError.self) {
                try settings.method.start(
                    MethodStart(
                        settings: settings, backbone: opened.backbone, totalSteps: 20, seed: 1,
                        isResumed: false, trained: opened.set, headForm: .sequence(.pooler),
                        workers: Workers(count: 1),
                        lookAtBatches: { _, _ in }, readRanks: { _, _ in [:] }))
            }
        }
        let matrices = try AdapterSet(
            installing: AdapterPlan(
                method: .lora, roles: [.query], rank: 1, scale: 1, dropout: 0, initialization: .orthonormal,
                seed: 1), on: opened.backbone.linearLayers)
        #expect(lora.makesAdapter && matrices.parts.isEmpty)
        #expect {
            try Self.fresh(opened.backbone, BottleneckSettings(), trained: matrices)
        } throws: {
            "\($0)".contains(
                "--method bottleneck needs an adapter of that method, and the one it names is of kind LoRA")
        }
    }

    /// Configurations of the library that mean something else are refused by their key.
    @Test(arguments: [
        ("ln_after", JSONValue.bool(true)), ("use_gating", .bool(true)), ("phm_layer", .bool(true)),
        ("inv_adapter", .string("nice")), ("leave_out", .array([.number(0)])),
        ("scaling", .string("learned")),
        ("non_linearity", .string("leakyrelu")), ("is_parallel", .bool(true)),
        ("residual_before_ln", .string("post_add")),
        ("architecture", .string("lora")), ("something_new", .bool(true)),
    ])
    func otherFormsAreRefused(_ key: String, _ value: JSONValue) throws {
        let folder = try Self.temporary()
        defer { try? FileManager.default.removeItem(at: folder) }
        let golden = Golden.url("bottleneck/llama-pfeiffer/hub")
        var json = try #require(
            JSONValue.read(golden.appendingPathComponent("adapter_config.json")).object)
        var config = try #require(json["config"]?.object)
        config[key] = value
        json["config"] = .object(config)
        try Data(JSONValue.object(json).bytes(pretty: true)).write(
            to: folder.appendingPathComponent("adapter_config.json"))
        try FileManager.default.copyItem(
            at: golden.appendingPathComponent("adapter.safetensors"),
            to: folder.appendingPathComponent("adapter.safetensors"))
        #expect {
            _ = try Opened(Case(model: "llama", kind: .pfeiffer), folder: folder)
        } throws: {
            "\($0)".contains("config.\(key == "is_parallel" ? "mh_adapter" : key)")
        }
    }
}
