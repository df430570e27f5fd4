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

/// What frozen layers make of a sequence is kept, or made again: the same bits either way, in any company.
@Suite struct FrozenCacheTests {
    static let models = [
        "bert/model", "encoders/albert/model", "encoders/deberta/model", "encoders/mpnet/model",
        "llama/model",
        "gpt2/model",
    ]

    private static func backbone(_ model: String) throws -> any Backbone {
        try PretrainedModel.open(Golden.url(model)).openBackbone()
    }

    private static func trainer(
        _ backbone: any Backbone, pooling: Pooling, threads: Int = 1, adapted: [LinearLayer] = []
    ) throws -> Trainer {
        let head = try SequenceHead(
            backbone: backbone, outputs: 5, pooling: pooling, dropout: 0.1,
            stream: RandomStream(seed: 3, purpose: "initialize head"))
        let rate = LearningRate(peak: 5e-3, shape: .constant, warmupSteps: 0, totalSteps: 30)
        let plan = AdapterPlan(
            method: .lora, roles: backbone.architecture.roles, rank: 2, scale: 1, dropout: 0.1,
            initialization: .orthonormal, seed: 3)
        return Trainer(
            model: SequenceModel(backbone: backbone, head: head, workers: Workers(count: threads)),
            method: LoRA(adapted.isEmpty ? .none : try AdapterSet(installing: plan, on: adapted)),
            settings: TrainerSettings(learningRate: rate, headLearningRate: rate))
    }

    /// Epochs in three orders, each followed by an evaluation.
    ///
    /// - Returns: all losses, and the parameters at the end.
    private static func run(
        _ trainer: Trainer, _ data: TokenizedDataset, _ validation: TokenizedDataset,
        steps: Range<Int> = 1..<10
    ) throws -> [Double] {
        var losses: [Double] = []
        let sampler = BatchSampler(examples: data.count, batch: 14, seed: 4)
        for step in steps {
            let order = sampler.order(epoch: sampler.epoch(ofStep: step))
            losses.append(
                try trainer.step(step, data: data, indices: Array(sampler.indices(step: step, order: order)))
                    .loss)
            if step % 3 == 0 { losses.append(try trainer.evaluate(validation).loss) }
        }
        return losses + trainer.vector.values.values.map(Double.init)
    }

    private static func rows(_ count: Int, seed: UInt64, room: FrozenCache.Room) -> TokenizedDataset {
        plainRows(count, seed: seed).caching(in: FrozenCache(count: count, room: room))
    }

    /// Of the words that all of the models have.
    private static func plainRows(_ count: Int, seed: UInt64) -> TokenizedDataset {
        let rows = TrainerTests.rows(count, seed: seed)
        return TokenizedDataset(
            sequences: rows.sequences.map { .init(ids: $0.ids.map { 5 + $0 % 55 }, typeIDs: $0.typeIDs) },
            objective: rows.objective)
    }

    /// Adapters on the last layer, or none: nothing kept, some rows, all; one thread and two.
    @Test(arguments: models, [false, true]) func bitsAreTheSame(_ model: String, adapts: Bool) throws {
        var results: [[Double]] = []
        for (limit, threads) in [(0, 1), (4_000, 2), (100_000_000, 1), (100_000_000, 2)] {
            let backbone = try Self.backbone(model)
            let layers = backbone.sizes.layers
            // The layers of ALBERT are one, which nothing stands below.
            let adapted = adapts ? backbone.linearLayers.filter { $0.site.layer == layers - 1 } : []
            let trainer = try Self.trainer(
                backbone, pooling: backbone.architecture.isDecoder ? .last : .mean, threads: threads,
                adapted: adapted)
            #expect(backbone.frozenLayers == (adapted.isEmpty ? layers : layers - 1) && layers > 1)
            let room = FrozenCache.Room(limit: limit)
            let (data, more) = (Self.rows(42, seed: 5, room: room), Self.rows(20, seed: 6, room: room))
            results.append(try Self.run(trainer, data, more))
            let whole = [data, more].reduce(0) {
                $0 + trainer.model.frozenBytes($1, layers: backbone.frozenLayers)
            }
            #expect(room.used <= limit && (limit < 100_000_000 || room.used == whole))
            #expect(limit == 0 || room.used > 0)
        }
        for other in results.dropFirst() { #expect(other == results[0]) }
    }

    @Test(arguments: [
        ("bert/model", Pooling.pooler), ("bert/model", .first), ("encoders/deberta/model", .pooler),
        ("encoders/distilbert/model", .first), ("llama/model", .mean), ("llama/model", .last),
    ]) func eachPooling(_ model: String, _ pooling: Pooling) throws {
        var results: [[Double]] = []
        for limit in [0, 2_000, 100_000_000] {
            let room = FrozenCache.Room(limit: limit)
            results.append(
                try Self.run(
                    Self.trainer(Self.backbone(model), pooling: pooling), Self.rows(42, seed: 5, room: room),
                    Self.rows(20, seed: 6, room: room)))
        }
        #expect(results[1] == results[0] && results[2] == results[0])
    }

    /// Of one row a sequence that much is kept, not of each token.
    @Test func whatIsReadIsKept() throws {
        let room = FrozenCache.Room(limit: 1_000_000)
        let trainer = try Self.trainer(Self.backbone("bert/model"), pooling: .first)
        let data = Self.rows(10, seed: 5, room: room)
        _ = try trainer.evaluate(data)
        #expect(room.used == 10 * trainer.model.backbone.sizes.hidden * 4)
        #expect(room.used == trainer.model.frozenBytes(data, layers: trainer.model.backbone.sizes.layers))
    }

    /// The plain way differs by rounding at most: products of oneDNN and of tiles have the same bits by row.
    @Test(arguments: models) func isNearTheWayWithoutCaches(_ model: String) throws {
        var results: [[Double]] = []
        for keeps in [false, true] {
            let backbone = try Self.backbone(model)
            let trainer = try Self.trainer(
                backbone, pooling: backbone.architecture.isDecoder ? .last : .mean)
            let (data, more) = (Self.plainRows(42, seed: 5), Self.plainRows(20, seed: 6))
            let room = FrozenCache.Room(limit: 1_000_000)
            results.append(
                try keeps
                    ? Self.run(
                        trainer, data.caching(in: FrozenCache(count: 42, room: room)),
                        more.caching(in: FrozenCache(count: 20, room: room)))
                    : Self.run(trainer, data, more))
        }
        for (plain, kept) in zip(results[0], results[1]) { #expect(abs(plain - kept) < 1e-4) }
    }

    /// A run that goes on has nothing in its cache.
    @Test func resumesToTheBit() throws {
        func fresh() throws -> (Trainer, TokenizedDataset, TokenizedDataset) {
            let backbone = try Self.backbone("llama/model")
            let room = FrozenCache.Room(limit: 1_000_000)
            let last = backbone.linearLayers.filter { $0.site.layer == backbone.sizes.layers - 1 }
            return (
                try Self.trainer(backbone, pooling: .last, threads: 2, adapted: last),
                Self.rows(42, seed: 5, room: room), Self.rows(20, seed: 6, room: room)
            )
        }
        let (whole, data, more) = try fresh()
        let expected = try Self.run(whole, data, more)
        let (first, firstData, firstMore) = try fresh()
        _ = try Self.run(first, firstData, firstMore, steps: 1..<6)
        let (second, secondData, secondMore) = try fresh()
        try second.restore(first.state)
        let resumed = try Self.run(second, secondData, secondMore, steps: 6..<10)
        #expect(Array(expected.suffix(resumed.count)) == resumed)
    }

    /// Pruning empties the first layer: from then on its rows are kept, those of embeddings never were.
    @Test func pruningFreezesLayers() throws {
        var results: [[Double]] = []
        for limit in [0, 1_000_000] {
            let trainer = try TrainerTests.trainer(threads: 2, final: 6)
            let backbone = trainer.model.backbone
            let room = FrozenCache.Room(limit: limit)
            let data = Self.rows(42, seed: 5, room: room)
            var losses: [Double] = []
            for step in 1...30 {
                losses.append(try trainer.step(step, data: data, indices: Array(0..<42)).loss)
                if step == 10 {
                    #expect(backbone.frozenLayers == 0 && room.used == 0)
                    for adapter in trainer.adapters.adapters where adapter.site.layer == 0 {
                        adapter.mask = adapter.mask.map { _ in false }
                        adapter.applyMask()
                    }
                    trainer.compact()
                    #expect(backbone.frozenLayers == 1)
                }
            }
            #expect(room.used == (limit == 0 ? 0 : trainer.model.frozenBytes(data, layers: 1)))
            results.append(losses + trainer.vector.values.values.map(Double.init))
        }
        #expect(results[0] == results[1])
    }

    /// What more or fewer layers made is replaced, and read where fewer did.
    @Test func layersThatFreezeAndThaw() throws {
        let backbone = try Self.backbone("llama/model")
        let layers = backbone.sizes.layers
        let trainer = try Self.trainer(backbone, pooling: .mean)
        let room = FrozenCache.Room(limit: 1_000_000)
        let data = Self.rows(30, seed: 7, room: room)
        func losses(_ data: TokenizedDataset) throws -> Double { try trainer.evaluate(data).loss }
        let none = FrozenCache.Room(limit: 0)
        for adapted in [layers - 1, layers, 1, layers - 1, 0, layers] {
            let set =
                try adapted < layers
                ? AdapterSet(
                    installing: AdapterPlan(
                        method: .lora, roles: [.query], rank: 2, scale: 1, dropout: 0,
                        initialization: .orthonormal, seed: 3),
                    on: backbone.linearLayers.filter { $0.site.layer == adapted }) : nil
            #expect(backbone.frozenLayers == adapted)
            let fresh = Self.plainRows(30, seed: 7).caching(in: FrozenCache(count: 30, room: none))
            #expect(try losses(data) == losses(fresh))
            #expect(try losses(data) == losses(fresh))
            for layer in backbone.linearLayers { layer.adapter = nil }
            withExtendedLifetime(set) {}
        }
    }
}
