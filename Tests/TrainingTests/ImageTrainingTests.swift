import Adapters
import Foundation
import GoldenFiles
import GoldenModels
import Images
import Matrices
import Synchronization
import Tasks
import Testing
import Training
import Transformers

/// Images that a step reads: what is made of a row depends on row and epoch alone, whoever makes it and when.
@Suite struct ImageTrainingTests {
    private static let size = (height: 12, width: 12)

    /// Drawn from row and epoch.
    private static func image(_ row: Int, _ epoch: Int?) -> PixelImage {
        var stream = RandomStream(seed: 5, purpose: "test image", indices: [row, epoch ?? -1])
        let values = Matrix(rows: 1, columns: 3 * 144)
        stream.fillNormal(values, deviation: 1)
        return PixelImage(channels: 3, height: 12, width: 12, values: values.values)
    }

    private static func data(_ count: Int, isAugmented: Bool = true) -> TokenizedDataset {
        let feed = ImageFeed(channels: 3, size: size, isAugmented: isAugmented) { image($0, $1) }
        return TokenizedDataset(
            feed, count: count, rows: 10,
            objective: ClassObjective(truth: (0..<count).map { Int32($0 % 3) }))
    }

    private static func trainer(threads: Int, adapted: Bool = true) throws -> Trainer {
        let backbone = try PretrainedModel.open(Golden.url("vision/vit/model")).openBackbone()
        let head = try SequenceHead(
            backbone: backbone, outputs: 3, pooling: .pooler, dropout: 0.1,
            stream: RandomStream(seed: 3, purpose: "initialize head"))
        let rate = LearningRate(peak: 5e-3, shape: .constant, warmupSteps: 0, totalSteps: 30)
        let plan = AdapterPlan(
            method: .lora, roles: backbone.architecture.roles, rank: 2, scale: 1, dropout: 0.1,
            initialization: .orthonormal, seed: 3)
        return Trainer(
            model: SequenceModel(backbone: backbone, head: head, workers: Workers(count: threads)),
            method: LoRA(adapted ? try AdapterSet(installing: plan, on: backbone.linearLayers) : .none),
            settings: TrainerSettings(learningRate: rate, headLearningRate: rate))
    }

    /// - Parameter ahead: whether rows are made before the step that reads them.
    private static func run(_ trainer: Trainer, _ data: TokenizedDataset, ahead: Bool) throws -> [Float] {
        let sampler = BatchSampler(examples: data.count, batch: 30, seed: 4)
        for step in 1...6 {
            let epoch = sampler.epoch(ofStep: step)
            let rows = Array(sampler.indices(step: step, order: sampler.order(epoch: epoch)))
            if ahead { data.images?.prepare(rows, epoch: epoch) }
            _ = try trainer.step(step, data: data.inEpoch(epoch), indices: rows)
        }
        return trainer.vector.values.values
    }

    @Test(arguments: [1, 2, 3], [false, true]) func bitsForAnyNumberOfThreads(threads: Int, ahead: Bool)
        throws
    {
        let expected = try Self.run(Self.trainer(threads: 1), Self.data(70), ahead: false)
        #expect(try Self.run(Self.trainer(threads: threads), Self.data(70), ahead: ahead) == expected)
    }

    /// Each epoch sees images of its own, an evaluation always the same.
    @Test func epochsAreAugmentedAndEvaluationsAreNot() throws {
        let feed = try #require(Self.data(4).images)
        #expect(feed.images([2, 0], epoch: 7) == [Self.image(2, 7), Self.image(0, 7)])
        #expect(feed.images([2], epoch: nil) == [Self.image(2, nil)])
        let plain = try #require(Self.data(4, isAugmented: false).images)
        #expect(plain.images([1], epoch: 3) == [Self.image(1, nil)])
        let trainer = try Self.trainer(threads: 1)
        #expect(try trainer.evaluate(Self.data(9)).loss == trainer.evaluate(Self.data(9).inEpoch(nil)).loss)
    }

    /// What is made ahead is held until it is read, and given up when other rows are wanted.
    @Test func rowsAreMadeAheadAndLetGo() throws {
        let made = Mutex([Int]())
        let feed = ImageFeed(channels: 3, size: Self.size, isAugmented: true) { row, epoch in
            made.withLock { $0.append(row) }
            return Self.image(row, epoch)
        }
        feed.prepare([3, 1, 2], epoch: 0)
        let deadline = ContinuousClock.now + .seconds(60)
        while made.withLock({ $0.count }) < 3 && ContinuousClock.now < deadline { usleep(1_000) }
        #expect(made.withLock { $0 } == [3, 1, 2])
        // The last one is held a moment after it was made.
        while feed.held < 3 && ContinuousClock.now < deadline { usleep(1_000) }
        #expect(feed.images([1, 3], epoch: 0) == [Self.image(1, 0), Self.image(3, 0)])
        #expect(made.withLock { $0 } == [3, 1, 2] && feed.held == 1)
        feed.prepare([], epoch: 1)
        #expect(feed.held == 0)
        #expect(feed.images([2], epoch: 0) == [Self.image(2, 0)])
        #expect(made.withLock { $0 } == [3, 1, 2, 2])
    }

    private struct Gone: Error {}

    /// An image that cannot be read ends the step, and nothing was learned from what stood in its place.
    @Test func anImageThatIsGoneIsAnError() throws {
        let feed = ImageFeed(channels: 3, size: Self.size, isAugmented: false) { row, epoch in
            if row == 5 { throw Gone() }
            return Self.image(row, epoch)
        }
        let data = TokenizedDataset(
            feed, count: 8, rows: 10, objective: ClassObjective(truth: Array(repeating: 1, count: 8)))
        let trainer = try Self.trainer(threads: 2)
        let before = trainer.vector.values.values
        _ = try trainer.step(1, data: Self.data(8), indices: [0, 1])
        let after = trainer.vector.values.values
        #expect(before != after)
        #expect(throws: Gone.self) { try trainer.step(2, data: data, indices: [4, 5, 6]) }
        #expect(throws: Gone.self) { try trainer.backward(2, data: data, indices: [5]) }
        #expect(trainer.vector.values.values == after && !trainer.hasGradient)
        #expect(try trainer.evaluate(data).loss.isNaN)
        #expect(throws: Gone.self) { try data.checkImages() }
    }

    @Test func anImageOfAnotherSizeIsAnError() throws {
        let feed = ImageFeed(channels: 3, size: (12, 16), isAugmented: false) { Self.image($0, $1) }
        _ = feed.images([0], epoch: nil)
        let error = #expect(throws: TaskError.self) { try feed.check() }
        #expect(
            "\(try #require(error))".contains(
                "row 1: the image became [3, 12, 12] pixels, all others [3, 12, 16]"))
    }

    /// Frozen layers' rows are kept where each epoch sees the same images.
    @Test func framesOfFrozenLayersAreKept() throws {
        let plain = Self.data(9, isAugmented: false)
        let room = FrozenCache.Room(limit: 1 << 20)
        let kept = plain.caching(in: FrozenCache(count: 9, room: room))
        func run(_ data: TokenizedDataset) throws -> [Float] {
            let trainer = try Self.trainer(threads: 2, adapted: false)
            return try Self.run(trainer, data, ahead: false)
        }
        let none = plain.caching(in: FrozenCache(count: 9, room: FrozenCache.Room(limit: 0)))
        #expect(try run(kept) == run(none))
        // One row of 16 numbers each
        #expect(room.used == 9 * 16 * 4)
    }
}
