import Adapters
import GoldenFiles
import Images
import Matrices
import Tasks
import Testing
import Training
import Transformers

/// A loss over the whole batch, in two passes: of the tiny CLIP and SigLIP of scripts/goldens/pairs_parity.py.
@Suite struct ImageTextTrainingTests {
    private static let models = ["clip", "siglip"]

    /// Texts of 3 to 9 tokens, each with an image of noise; as many rows as make several shards.
    private static func data(_ backbone: any Backbone, count: Int = 70) throws -> TokenizedDataset {
        let (pair, input) = (try #require(backbone.pair), try #require(backbone.imageInput))
        let feed = ImageFeed(channels: 3, size: (12, 12), isAugmented: false) { row, _ in
            var stream = RandomStream(seed: 5, purpose: "test image", indices: [row])
            let values = Matrix(rows: 1, columns: 3 * 144)
            stream.fillNormal(values, deviation: 1)
            return PixelImage(channels: 3, height: 12, width: 12, values: values.values)
        }
        let texts = (0..<count).map { row in
            var stream = RandomStream(seed: 6, purpose: "test text", indices: [row])
            // 59 ends a text of the tiny models.
            let words = (0..<2 + row % 7).map { _ in Int32(3 + stream.uniform() * 50) }
            return pair.filling(words + [59])
        }
        let names = (0..<count).map { Int32($0) }
        return TokenizedDataset(
            feed, count: count, rows: input.rows(height: 12, width: 12),
            objective: ImageTextObjective(form: pair.loss, texts: names, images: names)
        ).with(texts: texts)
    }

    private static func trainer(
        _ name: String, threads: Int = 1, dropout: Float = 0.1, exchange: any GradientExchange = SoleProcess()
    ) throws -> Trainer {
        let backbone = try PretrainedModel.open(Golden.url("pairs/\(name)/model")).openBackbone()
        let head = try SequenceHead(
            backbone: backbone, outputs: 0, form: .pair, dropout: 0.1,
            stream: RandomStream(seed: 3, purpose: "initialize head"))
        #expect(head.parameters.isEmpty)
        let rate = LearningRate(peak: 5e-3, shape: .constant, warmupSteps: 0, totalSteps: 30)
        let plan = AdapterPlan(
            method: .lora, roles: backbone.architecture.roles, rank: 2, scale: 1, dropout: dropout,
            initialization: .orthonormal, seed: 3)
        let set = try AdapterSet(installing: plan, on: backbone.linearLayers)
        #expect(set.adapters.count == 24)
        return Trainer(
            model: SequenceModel(
                backbone: backbone, head: head, workers: Workers(count: threads), exchange: exchange),
            method: LoRA(set), settings: TrainerSettings(learningRate: rate, headLearningRate: rate))
    }

    /// What four steps leave, and the losses of each.
    private static func run(_ trainer: Trainer) throws -> (values: [Float], losses: [Double]) {
        let data = try data(trainer.model.backbone)
        let sampler = BatchSampler(examples: data.count, batch: 60, seed: 4)
        let losses = try (1...4).map { step in
            let rows = Array(
                sampler.indices(step: step, order: sampler.order(epoch: sampler.epoch(ofStep: step))))
            return try trainer.step(step, data: data, indices: rows).loss
        }
        return (trainer.vector.values.values, losses)
    }

    /// Dropout too, of which both passes draw the same.
    @Test(arguments: models, [2, 3]) func bitsForAnyNumberOfThreads(name: String, threads: Int) throws {
        let expected = try Self.run(Self.trainer(name))
        let found = try Self.run(Self.trainer(name, threads: threads))
        #expect(found.values == expected.values && found.losses == expected.losses)
    }

    @Test(arguments: [2, 3]) func bitsForAnyNumberOfProcesses(count: Int) throws {
        let expected = try Self.run(Self.trainer("clip"))
        let found = try ThreadedProcesses.run(count) { exchange in
            try Self.run(Self.trainer("clip", exchange: exchange))
        }
        for process in found {
            #expect(process.values == expected.values && process.losses == expected.losses)
        }
    }

    /// The loss of a step is that of all its rows beside each other, and its gradient that of this loss, whatever the shards.
    @Test(arguments: models) func gradientIsThatOfTheWholeBatch(name: String) throws {
        let trainer = try Self.trainer(name, dropout: 0)
        let data = try Self.data(trainer.model.backbone)
        // Something other than 0 in both factors.
        for step in 1...3 { _ = try trainer.step(step, data: data, indices: Array(0..<60)) }
        let vector = trainer.vector
        let gradient = Matrix(rows: 1, columns: vector.count)
        var shards: [Matrix] = []
        func loss(_ indices: [Int], _ target: Matrix) throws -> Double {
            try trainer.model.lossAndGradient(
                data, indices: indices, into: target, shardGradients: &shards, seed: 1, step: 9
            ).loss
        }
        let all = Array(5..<60)
        let whole = try loss(all, gradient)
        let sharded = ShardedSequences(training: data, all) { _ in false }
        #expect(sharded.shards.count > 1)
        let rows = trainer.model.logits(data)
        let objective = try #require(data.objective?.joint)
        let chosen = Matrix(rows: all.count, columns: rows.columns)
        for (place, row) in all.enumerated() {
            chosen.row(place).update(from: rows.row(row), count: rows.columns)
        }
        // Shards round their products otherwise than shards of other rows do.
        #expect(abs(objective.loss(chosen).loss - whole) < 1e-5 * whole)

        let direction = Matrix(rows: 1, columns: vector.count)
        var stream = RandomStream(seed: 8, purpose: "direction of a test")
        stream.fillNormal(direction, deviation: 1)
        let start = Matrix(copying: vector.values)
        let spare = Matrix(rows: 1, columns: vector.count)
        let step: Float = 2e-3
        func moved(_ factor: Float) throws -> Double {
            for index in 0..<vector.count {
                vector.values.pointer[index] = start.pointer[index] + factor * direction.pointer[index]
            }
            trainer.method.parametersChanged()
            return try loss(all, spare)
        }
        let slope = (try moved(step) - moved(-step)) / Double(2 * step)
        let wanted = zip(gradient.values, direction.values).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
        // Losses of about 4 in Float32 over 2h, and the third derivative.
        #expect(abs(slope - wanted) < 2e-2 * max(abs(wanted), 0.1), "\(slope) \(wanted)")
    }

    /// It learns which text is whose, and an evaluation says so.
    @Test(arguments: models) func learnsAFewPairsByHeart(name: String) throws {
        let trainer = try Self.trainer(name, dropout: 0)
        let data = try Self.data(trainer.model.backbone, count: 24)
        let before = try trainer.evaluate(data)
        for step in 1...60 { _ = try trainer.step(step, data: data, indices: Array(0..<24)) }
        let after = try trainer.evaluate(data)
        #expect(after.loss < before.loss)
        let (first, last) = (
            try #require(before.value(of: .recall(1))), try #require(after.value(of: .recall(1)))
        )
        #expect(last > 0.5 && last > first + 0.3, "\(first) \(last)")
    }
}
