import Adapters
import Autodiff
import Foundation
import GoldenFiles
import Matrices
import ModelFiles
import RankAllocation
import Tasks
import Testing
import Training
import Transformers

/// PEFT's rsLoRA, LoRA+, LoRA-FA, PiSSA and OLoRA on the tiny BERT, made by scripts/goldens/lora_variants.py.
@Suite struct LoRAVariantTests {
    private static let rank = 3
    private let expected: JSONValue
    private let tensors: TensorStore
    private let start: TensorStore
    private let batches: [TokenizedDataset]

    init() throws {
        expected = try Golden.json("lora-variants/expected.json")
        tensors = try Golden.tensors("lora-variants/expected.safetensors")
        start = try Golden.tensors("lora-variants/start.safetensors")
        let steps = try #require(Golden.json("adalora/batches.json")["steps"]?.array)
        batches = try steps.prefix(20).map { try PEFTParityTests.data($0) }
    }

    private func scale(_ name: String) throws -> Float {
        Float(try #require(expected[name]?["scale"]?.double))
    }

    /// From a setting as a run has it
    private func started(_ backbone: any Backbone, _ change: (inout TuningSettings) -> Void) throws -> LoRA {
        var settings = TuningSettings()
        settings.method = try #require(FineTuningMethod.named("lora"))
        settings.budget = .averageRank(Double(Self.rank))
        change(&settings)
        let method = try settings.method.start(
            MethodStart(
                settings: settings, backbone: backbone, totalSteps: 20, seed: 1, isResumed: false,
                trained: nil, headForm: .sequence(.pooler), workers: Workers(count: 2),
                lookAtBatches: { _, _ in },
                readRanks: { _, layers in
                    Dictionary(uniqueKeysWithValues: layers.enumerated().map { ($1.site, $0 % 3) })
                }))
        return try #require(method as? LoRA)
    }

    private func method(_ name: String, _ backbone: any Backbone) throws -> LoRA {
        func random() throws -> AdapterSet {
            try PEFTRun.adapters(
                backbone, start, method: .lora, rank: Self.rank, scale: try scale(name))
        }
        switch name {
        case "plus": return LoRA(try random(), ratio: 16)
        case "fa":
            let set = try random()
            return LoRA(set, frozen: try FrozenA(set))
        case "pissa":
            return try started(backbone) {
                $0.lora.start = .pissa
                $0.scale = 3
                $0.lora.rankScaling = .stabilized
            }
        case "olora":
            return try started(backbone) {
                $0.lora.start = .olora
                $0.scale = 0.5
            }
        default: return LoRA(try random())
        }
    }

    private func trainer(_ name: String, threads: Int = 2) throws -> Trainer {
        let backbone = try PretrainedModel.open(Golden.url("bert/model")).openBackbone()
        var settings = PEFTRun.settings(steps: 20)
        if name == "plus" || name == "fa" { settings.weightDecay = 0 }
        if name == "fa" { settings.epsilon = 1e-12 }
        let method = try method(name, backbone)
        return Trainer(
            model: try PEFTParityTests.model(backbone, start, threads: threads), method: method,
            settings: settings)
    }

    /// Losses of 20 steps, and the logits after them. 1e-4 as for PEFT's LoRA: rounding of other sums, which Adam's division
    /// enlarges. Triplets of W may have the other sign here, which changes neither.
    @Test(arguments: ["rslora", "plus", "fa", "pissa", "olora"]) func twentyStepsArePEFTs(name: String) throws
    {
        let trainer = try trainer(name)
        let losses = try #require(expected[name]?["losses"]?.array).compactMap(\.double)
        #expect(losses.count == 20)
        var worst = 0.0
        for (index, loss) in losses.enumerated() {
            let data = batches[index]
            let result = try trainer.step(index + 1, data: data, indices: Array(0..<data.count))
            worst = max(worst, abs(result.loss - loss) / loss)
        }
        #expect(worst < 1e-4, "largest relative error of a loss \(worst)")
        let error = relativeError(
            trainer.model.logits(batches[0]).values, try tensors.floats("\(name).logits"))
        #expect(error < 1e-4, "relative error of the logits \(error)")
        #expect(try trainer.adapters.adapters.allSatisfy { $0.factors.factor == (try scale(name)) })
    }

    /// Of B before the first step. 1e-4: sums over a batch in another order.
    @Test(arguments: ["rslora", "pissa", "olora"]) func gradientsArePEFTs(name: String) throws {
        let trainer = try trainer(name)
        let (vector, data) = (trainer.vector, batches[0])
        let gradients = Matrix(rows: 1, columns: vector.count)
        var shards: [Matrix] = []
        _ = try trainer.model.lossAndGradient(
            data, indices: Array(0..<data.count), into: gradients, shardGradients: &shards, seed: 1, step: 1)
        for adapter in trainer.adapters.adapters {
            let b = adapter.factors.p
            let range = vector.range(of: b)
            let ours = (0..<range.count).map { gradients.pointer[range.lowerBound + $0] }
            let theirs = try tensors.floats("\(name).grad.\(adapter.layer.modulePath).lora_B")
            let signs = (0..<Self.rank).map { column -> Float in
                let dot = stride(from: column, to: ours.count, by: Self.rank).reduce(Float(0)) {
                    $0 + ours[$1] * theirs[$1]
                }
                return dot < 0 ? -1 : 1
            }
            #expect(name != "rslora" || signs == [1, 1, 1])
            let turned = ours.indices.map { ours[$0] * signs[$0 % Self.rank] }
            #expect(relativeError(turned, theirs) < 1e-4, "\(adapter.site)")
        }
    }

    /// Folders on changed base weights as PEFT saves them, and those that it converted, which lack the head. 1e-5 of other Float32
    /// products and another SVD.
    @Test(arguments: ["pissa", "pissa-converted", "olora", "olora-converted"])
    func foldersArePEFTs(folder: String) throws {
        let backbone = try PretrainedModel.open(Golden.url("bert/model")).openBackbone()
        let model = try PEFTParityTests.model(backbone, start, threads: 2)
        let name = folder.split(separator: "-").first.map(String.init) ?? folder
        let url = Golden.url("lora-variants/\(folder)")
        if folder != name {
            let whole = try Golden.tensors("lora-variants/\(name)/adapter_model.safetensors")
            for (parameter, part) in [(model.head.weight, "weight"), (model.head.bias, "bias")] {
                parameter.values.copyValues(from: try whole.floats("base_model.model.classifier.\(part)"))
            }
        }
        let loaded = try PEFTFolder.load(
            url, onto: backbone, head: model.head, base: nil, takesHead: folder == name)
        #expect(loaded.set.ranks == [Int](repeating: 6, count: 12) && loaded.set.kind == "LoRA")
        let error = relativeError(model.logits(batches[0]).values, try tensors.floats("\(name).logits"))
        #expect(error < 1e-5, "relative error of the logits \(error)")
    }

    /// The start changes nothing that the model computes; in the end it is plain LoRA of twice the rank on the model as it is.
    @Test(arguments: ["pissa", "olora"]) func theStartStandsAloneToo(name: String) throws {
        let trainer = try trainer(name)
        let data = batches[0]
        let adapted = trainer.model.logits(data).values
        for layer in trainer.adapters.layers { layer.adapter = nil }
        let bare = trainer.model.logits(data).values
        // 1e-5: W − s·B·A + s·B·A in Float32.
        #expect(relativeError(adapted, bare) < 1e-5)
        trainer.adapters.install()
        for step in 1...5 { _ = try trainer.step(step, data: data, indices: Array(0..<data.count)) }
        let trained = trainer.model.logits(data).values
        let alone = trainer.method.result
        #expect(alone.ranks == [Int](repeating: 6, count: 12) && trainer.adapters.ranks.max() == 3)
        alone.install()
        #expect(relativeError(trainer.model.logits(data).values, trained) < 1e-5)
        #expect(relativeError(trained, bare) > 1e-3)
        // What is written: the adapter of twice the rank, and a copy of it.
        let floats = alone.adapters.reduce(0) { $0 + $1.factors.p.values.count + $1.factors.q.values.count }
        let own = trainer.adapters.parameters.reduce(0) { $0 + $1.values.count }
        #expect(own + trainer.method.copies == 2 * floats)
    }

    /// r·O of each matrix train where A stays, which it does to the bit; r·(O + I) otherwise, as the table of methods says.
    @Test func parametersThatTrain() throws {
        let backbone = try PretrainedModel.open(Golden.url("bert/model")).openBackbone()
        let model = try PEFTParityTests.model(backbone, start, threads: 1)
        let head = model.head.parameters.reduce(0) { $0 + $1.values.count }
        for freezesA in [LoRASettings.FreezesA.off, .on] {
            var settings = TuningSettings()
            let method = try started(backbone) {
                $0.lora.freezesA = freezesA
                settings = $0
            }
            let before = method.adapters.adapters.map(\.factors.q.values.values)
            let trainer = Trainer(model: model, method: method, settings: PEFTRun.settings(steps: 20))
            let formula = method.adapters.adapters.reduce(head) {
                $0 + settings.parameters(outputs: $1.layer.outputs, inputs: $1.layer.inputs, rank: Self.rank)
            }
            #expect(trainer.trainableParameters == formula)
            let sizes = method.adapters.adapters.reduce(0) {
                $0 + $1.layer.outputs + (freezesA == .on ? 0 : $1.layer.inputs)
            }
            #expect(formula == head + Self.rank * sizes)
            for step in 1...2 {
                _ = try trainer.step(step, data: batches[0], indices: Array(0..<batches[0].count))
            }
            let after = method.adapters.adapters.map(\.factors.q.values.values)
            #expect((after == before) == (freezesA == .on))
            for layer in method.adapters.layers { layer.adapter = nil }
        }
    }

    /// By hand: A = (3, 4), s = 2: AAᵀ = 25, so that a gradient of B is divided by 25·4. A direction that A has twice counts once.
    @Test func theGradientOfBByHand() throws {
        let backbone = try PretrainedModel.open(Golden.url("bert/model")).openBackbone()
        let plan = AdapterPlan(
            method: .lora, roles: [.query], rank: 2, scale: 2, dropout: 0, initialization: .orthonormal,
            seed: 1)
        let set = try AdapterSet(installing: plan, on: Array(backbone.linearLayers.prefix(1)))
        let factors = set.adapters[0].factors
        factors.q.values.fill(0)
        for (column, value) in [3, 4].enumerated() {
            factors.q.values.row(0)[column] = Float(value)
            factors.q.values.row(1)[column] = Float(value)
        }
        let vector = ParameterVector([factors.p])
        let gradients = Matrix(rows: 1, columns: vector.count)
        gradients.fill(1)
        LoRA(set, frozen: try FrozenA(set)).precondition(gradients, in: vector, workers: Workers(count: 1))
        // (AAᵀ)⁺ of [[25, 25], [25, 25]] is that divided by 50²; both elements of a row add up to 2·25/2,500/4.
        #expect((0..<gradients.count).allSatisfy { abs(gradients.pointer[$0] - 0.005) < 1e-7 })
    }

    @Test func theRankIsAtMostHalfOfWhatAMatrixHas() throws {
        let backbone = try PretrainedModel.open(Golden.url("bert/model")).openBackbone()
        #expect {
            try started(backbone) {
                $0.budget = .averageRank(17)
                $0.lora.start = .olora
            }
        } throws: {
            "\($0)".contains(
                "start olora makes an adapter of twice the rank, and rank 17 is more than half of what layer.0.query "
                    + "[32, 32] can have; lower the budget to rank 16 there")
        }
    }

    /// Where ranks differ, s = scale/√r of each is written by its own α and read as the same factor; use_rslora is not needed.
    @Test func stabilizedFactorsByRank() throws {
        let backbone = try PretrainedModel.open(Golden.url("bert/model")).openBackbone()
        let set = try started(backbone) {
            $0.rankPattern = "given"
            $0.scale = 3
            $0.lora.rankScaling = .stabilized
        }.adapters
        #expect(Set(set.ranks) == [0, 1, 2])
        for adapter in set.adapters where adapter.rank > 0 {
            #expect(adapter.factors.factor == Float(3 / Double(adapter.rank).squareRoot()))
        }
        let model = try PEFTParityTests.model(backbone, start, threads: 1)
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "stabilized-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try PEFTFolder.write(set, as: set.peft, head: model.head, baseModel: "model", into: folder)
        let again = try PretrainedModel.open(Golden.url("bert/model")).openBackbone()
        let read = try PEFTFolder.load(
            folder, onto: again, head: try PEFTParityTests.model(again, start, threads: 1).head)
        let factors = Dictionary(uniqueKeysWithValues: read.set.adapters.map { ($0.site, $0.factors.factor) })
        for adapter in set.adapters where adapter.rank > 0 {
            #expect(factors[adapter.site] == adapter.factors.factor)
        }
    }
}
