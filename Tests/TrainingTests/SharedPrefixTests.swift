import Adapters
import Autodiff
import Foundation
import GoldenFiles
import GoldenModels
import Matrices
import ModelFiles
import RankAllocation
import Tasks
import Testing
import Training
import Transformers

@Suite struct SharedShardTests {
    /// `count` rows of `length` tokens, of which the first `common` are the same.
    static func rows(_ count: Int, length: Int, common: Int) -> [[Int32]] {
        (0..<count).map { row in
            (0..<length).map { place -> Int32 in Int32(place < common ? place : 1_000 + row * 7 + place) }
        }
    }

    private func plan(_ rows: [[Int32]]) -> [[Int]]? {
        ShardPlan.shards(sharing: rows.map { ($0, $0.map { _ in 0 }) })
    }

    /// Tokens that the shards compute
    private func loads(_ shards: [[Int]], _ rows: [[Int32]]) -> [Int] {
        shards.map { shard in
            PackedBatch(shard.map { (rows[$0], rows[$0].map { _ in 0 }) }, isShared: true).computedTokens
        }
    }

    @Test func byHand() throws {
        for (count, length, common, expected) in [
            // Half in common: as many shards as before, each with the beginning.
            (8, 128, 64, [192, 192, 192, 192]),
            (16, 128, 64, [320, 320, 320, 320]),
            // A long beginning: fewer shards repeat it less often.
            (16, 230, 200, [440, 440]),
            (32, 2_100, 2_000, [3_600, 3_600]),
        ] {
            let rows = Self.rows(count, length: length, common: common)
            let shards = try #require(plan(rows))
            #expect(shards.joined().sorted() == Array(0..<count))
            #expect(loads(shards, rows) == expected, "\(count) rows of \(length), \(common) in common")
        }
    }

    @Test func rowsByThemselvesAreNot() {
        #expect(plan(Self.rows(16, length: 100, common: 8)) == nil)
        #expect(plan(Self.rows(1, length: 100, common: 100)) == nil)
        #expect(plan([]) == nil)
        // Two equal rows of many others
        #expect(plan(Self.rows(30, length: 60, common: 0) + Self.rows(1, length: 60, common: 0)) == nil)
    }

    /// Answers to one question meet in a shard, wherever they stand in the step.
    @Test func rowsThatBeginAlikeMeet() throws {
        var stream = RandomStream(seed: 5, purpose: "rows")
        var rows: [[Int32]] = (0..<40).map { row in
            let question = 100 * (row % 10)
            let answer = 5_000 + 60 * row
            return (0..<60).map { place -> Int32 in Int32((place < 50 ? question : answer) + place) }
        }
        rows.shuffle(using: &stream)
        let shards = try #require(plan(rows))
        #expect(shards.joined().sorted() == Array(0..<40) && shards.allSatisfy { $0 == $0.sorted() })
        let homes = shards.reduce(0) { sum, shard in sum + Set(shard.map { rows[$0][0] }).count }
        // A cut may go through a question.
        #expect(homes < 10 + shards.count)
        #expect(loads(shards, rows).reduce(0, +) < 40 * 60 / 2)
    }

    /// Largest first, no larger than twice what a shard may be; all rows once.
    @Test(arguments: 0..<20) func anyRows(seed: Int) throws {
        var stream = RandomStream(seed: UInt64(seed), purpose: "rows")
        let system = 20 + Int(stream.uniform() * 300)
        var rows: [[Int32]] = []
        for _ in 0..<(2 + Int(stream.uniform() * 100)) {
            let (question, more) = (Int32(stream.uniform() * 6), 1 + Int(stream.uniform() * 60))
            var row: [Int32] = (0..<system).map { Int32($0) }
            for place in 0..<30 { row.append(1_000 * (question + 1) + Int32(place)) }
            for _ in 0..<more { row.append(Int32(stream.uniform() * 500)) }
            rows.append(row)
        }
        let shards = try #require(plan(rows))
        #expect(shards.joined().sorted() == Array(rows.indices))
        let longest = rows.reduce(0) { max($0, $1.count) }
        let loads = loads(shards, rows)
        #expect(loads.reduce(0, max) <= 2 * max(ShardPlan.shardTokens, longest))
        #expect(Double(loads.reduce(0, +)) < Double(rows.joined().count) / 1.1)
    }
}

/// Training on a tiny decoder that computes beginnings once, beside training on each row.
@Suite struct SharedPrefixTests {
    enum Method: CaseIterable { case lora, adalora, dora, full }
    enum Learned: CaseIterable { case answers, texts, classes }

    /// A beginning of 12 tokens, three questions of 8, and answers, so that there are several shards.
    private static let sequences: [[Int32]] = {
        var stream = RandomStream(seed: 9, purpose: "rows")
        func tokens(_ count: Int) -> [Int32] {
            (0..<count).map { _ -> Int32 in Int32(3 + stream.uniform() * 55) }
        }
        let system = tokens(12)
        let questions: [[Int32]] = (0..<3).map { _ in system + tokens(8) }
        var rows: [[Int32]] = []
        for row in 0..<36 { rows.append(questions[row % 3] + tokens(2 + row % 9)) }
        rows[7] = rows[4]
        rows[9] = questions[1]
        return rows
    }()

    private static func data(_ learned: Learned, _ rows: [[Int32]] = sequences) -> TokenizedDataset {
        let objective: any Objective =
            switch learned {
            case .answers:
                NextTokenObjective(
                    ids: rows, trained: rows.map { row in row.indices.map { place in place >= 18 } })
            case .texts: NextTokenObjective(ids: rows)
            case .classes: ClassObjective(truth: rows.indices.map { Int32($0 % 4) })
            }
        return TokenizedDataset(
            sequences: rows.map { .init(ids: $0, typeIDs: $0.map { _ in 0 }) }, objective: objective)
    }

    private static func trainer(
        _ name: String, _ method: Method, _ learned: Learned, _ sharing: BeginningSharing, threads: Int = 2,
        recomputing: Bool = false
    ) throws -> Trainer {
        let backbone = try PretrainedModel.open(Golden.url("\(name)/model")).openBackbone()
        let head =
            learned == .classes
            ? try SequenceHead(
                backbone: backbone, outputs: 4, form: .sequence(.last), dropout: 0,
                stream: RandomStream(seed: 3, purpose: "head")) : try backbone.vocabularyHead()
        var tuning = TuningSettings()
        tuning.budget = .averageRank(2)
        tuning.method = try #require(FineTuningMethod.named("\(method)"))
        let start = MethodStart(
            settings: tuning, backbone: backbone, totalSteps: 60, seed: 5, isResumed: false, trained: nil,
            headForm: head.form, workers: Workers(count: 1), lookAtBatches: { _, _ in },
            readRanks: { _, _ in [:] })
        let rate = LearningRate(peak: 3e-3, shape: .constant, warmupSteps: 0, totalSteps: 60)
        return Trainer(
            model: SequenceModel(
                backbone: backbone, head: head, workers: Workers(count: threads),
                recomputesLayers: recomputing, sharing: sharing),
            method: try tuning.method.start(start),
            settings: TrainerSettings(learningRate: rate, headLearningRate: rate))
    }

    private static let names = ["llama", "gpt2", "decoders/gemma3", "decoders/qwen3"]

    private static func step(_ trainer: Trainer, _ data: TokenizedDataset) throws -> (
        loss: Double, gradients: [Float]
    ) {
        let gradients = Matrix(rows: 1, columns: trainer.trainableParameters)
        var shards: [Matrix] = []
        let result = try trainer.model.lossAndGradient(
            data, indices: Array(0..<data.count), into: gradients, shardGradients: &shards, seed: 1, step: 1)
        // Tokens are those of the rows, however many of them are computed.
        #expect(result.tokens == data.tokens)
        return (result.loss, gradients.values)
    }

    /// The same loss and gradients to rounding: sums of a few hundred rows in another order and in other shards.
    @Test(arguments: names, Method.allCases) func gradientsAreTheSame(_ name: String, _ method: Method) throws
    {
        for learned in Learned.allCases {
            let data = Self.data(learned)
            let plain = try Self.trainer(name, method, learned, .none)
            let shared = try Self.trainer(name, method, learned, .all, recomputing: learned == .texts)
            // Factors that begin at 0 hide the gradients of others.
            for trainer in [plain, shared] {
                for step in 1...3 {
                    var moved = RandomStream(seed: 4, purpose: "moved", indices: [step])
                    for place in 0..<trainer.vector.count {
                        trainer.vector.values.pointer[place] += Float(moved.uniform() - 0.5) * 0.02
                    }
                }
                trainer.method.parametersChanged()
            }
            let (one, other) = try (Self.step(shared, data), Self.step(plain, data))
            #expect(abs(one.loss - other.loss) < 1e-5 * other.loss, "\(learned)")
            let error = relativeError(one.gradients, other.gradients)
            #expect(error < 2e-5, "\(learned): \(error)")
            #expect(one.gradients != other.gradients)
            let evaluations = try [shared, plain].map { try $0.evaluate(data) }
            #expect(abs(evaluations[0].loss - evaluations[1].loss) < 1e-5 * evaluations[1].loss)
        }
    }

    /// Without common beginnings, and where it is off, bits are what they were.
    @Test(arguments: names) func rowsByThemselvesKeepTheirBits(_ name: String) throws {
        var rows: [[Int32]] = []
        for row in 0..<20 {
            rows.append((0..<20).map { place -> Int32 in Int32(3 + (row * 3 + place * 5) % 50) })
        }
        let data = Self.data(.texts, rows)
        let results = try [BeginningSharing.none, .all, .evaluations].map {
            try Self.step(try Self.trainer(name, .lora, .texts, $0), data)
        }
        #expect(results.allSatisfy { $0.loss == results[0].loss && $0.gradients == results[0].gradients })
        let shared = Self.data(.texts)
        let off = try [BeginningSharing.none, .evaluations].map {
            try Self.step(try Self.trainer(name, .lora, .texts, $0), shared)
        }
        #expect(off[0].loss == off[1].loss && off[0].gradients == off[1].gradients)
    }

    @Test func bitsDoNotDependOnThreads() throws {
        let data = Self.data(.answers)
        let ends = try [1, 2, 3].map { threads in
            let trainer = try Self.trainer("decoders/gemma3", .adalora, .answers, .all, threads: threads)
            for step in 1...6 { _ = try trainer.step(step, data: data, indices: Array(0..<data.count)) }
            return try trainer.vector.values.values + [Float(trainer.evaluate(data).loss)]
        }
        #expect(ends[0] == ends[1] && ends[0] == ends[2])
    }

    /// What is estimated of shards that share counts what they compute.
    @Test(arguments: [false, true]) func memoryIsEstimated(recomputing: Bool) throws {
        let data = Self.data(.answers)
        let trainer = try Self.trainer("llama", .lora, .answers, .all, threads: 1, recomputing: recomputing)
        let sampler = BatchSampler(examples: data.count, batch: 18, seed: 1)
        let load = ShardLoad(training: data, sampler, totalSteps: 4, mayShare: trainer.model.sharesInTraining)
        let plain = ShardLoad(training: data, sampler, totalSteps: 4)
        #expect(plain.computed == plain.read && plain.read == load.read && load.read == 2 * data.tokens)
        #expect(Double(load.computed) < 0.8 * Double(load.read))
        #expect(load.tokens == load.steps.joined().max())
        let evaluation = ShardLoad(
            evaluating: data, mayShare: trainer.model.sharesInEvaluations)
        #expect(evaluation.read == data.tokens && Double(evaluation.computed) < 0.8 * Double(data.tokens))
        let estimate = PoolEstimate(
            trainer.model, try #require(data.objective), load, evaluation,
            trainable: trainer.trainableParameters, workers: 1)
        let order = sampler.order(epoch: 0)
        for step in 1...2 {
            _ = try trainer.step(step, data: data, indices: Array(sampler.indices(step: step, order: order)))
        }
        _ = try trainer.evaluate(data)
        let actual = trainer.model.workers.allocatedElements
        // Rows of many lengths and what is read of them, as for shards of rows by themselves.
        #expect(abs(Double(estimate.elements) / Double(actual) - 1) < 0.25, "\(estimate.elements) \(actual)")
    }
}
