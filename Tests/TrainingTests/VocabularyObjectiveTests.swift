import Adapters
import Autodiff
import Foundation
import GoldenFiles
import Matrices
import ModelFiles
import Tasks
import Testing
import Training
import Transformers

/// An objective that owns its last product: every third token is predicted from its own row, over the words of the
/// embedding, without logits [tokens, words] and without the head.
private struct WordObjective: Objective {
    /// [V, C], frozen
    let words: any Operand
    let targets: [[Int32]]

    init(words: any Operand, ids: [[Int32]]) {
        self.words = words
        targets = ids.map { row in
            row.indices.map { $0 % 3 == 0 ? row[$0] : Tape.ignoredLabel }
        }
    }

    func weight(of members: [Int]) -> Double {
        Double(members.reduce(0) { sum, member in sum + targets[member].count { $0 >= 0 } })
    }

    func loss(_ rows: ShardRows, divisor: Double) -> Double {
        rows.tape.vocabularyCrossEntropy(
            rows.hidden, weight: words, targets: rows.members.flatMap { targets[$0] }, divisor: divisor)
    }

    func meter(_ options: AnswerOptions, outputs: Int) -> any Meter { WordMeter(objective: self) }

    func madeUp(lengths: [Int]) -> any Objective {
        WordObjective(words: words, ids: lengths.map { Array(repeating: 0, count: $0) })
    }
}

private struct WordMeter: Meter {
    let objective: WordObjective
    let losses: RowResults<Double>

    var kept: [any ExchangedResults] { [losses] }

    init(objective: WordObjective) {
        self.objective = objective
        losses = RowResults(count: objective.targets.count)
    }

    func read(_ rows: ShardRows) {
        losses.put(
            rows.members.enumerated().map { place, member in
                let part = rows.offsets[place]..<rows.offsets[place + 1]
                let hidden = rows.hidden.value.view(
                    offset: part.lowerBound * rows.hidden.value.columns, rows: part.count,
                    columns: rows.hidden.value.columns)
                return rows.tape.vocabularyCrossEntropy(
                    rows.tape.input(hidden), weight: objective.words, targets: objective.targets[member],
                    divisor: 1)
            }, at: rows.members)
    }

    func evaluation() -> Evaluation {
        let weight = objective.weight(of: Array(objective.targets.indices))
        let loss = losses.all.reduce(0) { $0 + $1 / weight }
        return Evaluation(
            loss: loss, metrics: [], rows: .scores(predicted: [], truth: []), hasOneAnswer: false)
    }
}

@Suite struct VocabularyObjectiveTests {
    private static func trainer(threads: Int) throws -> (Trainer, TokenizedDataset) {
        let backbone = try PretrainedModel.open(Golden.url("bert/model")).openBackbone()
        let words = try #require(backbone.weights.first { $0.name.hasSuffix("word_embeddings.weight") })
        let rows = TrainerTests.rows(40, seed: 31)
        let data = TokenizedDataset(
            sequences: rows.sequences, objective: WordObjective(words: words, ids: rows.sequences.map(\.ids)))
        let plan = AdapterPlan(
            method: .lora, roles: backbone.architecture.roles, rank: 3, scale: 1, dropout: 0,
            initialization: .orthonormal, seed: 3)
        let set = try AdapterSet(installing: plan, on: backbone.linearLayers)
        let head = try SequenceHead(
            backbone: backbone, outputs: 2, form: .token, dropout: 0,
            stream: RandomStream(seed: 3, purpose: "not read"))
        let rate = LearningRate(peak: 2e-2, shape: .constant, warmupSteps: 0, totalSteps: 100)
        let trainer = Trainer(
            model: SequenceModel(backbone: backbone, head: head, workers: Workers(count: threads)),
            method: LoRA(set), settings: TrainerSettings(learningRate: rate, headLearningRate: rate))
        return (trainer, data)
    }

    /// Adapters learn through the loss, to the same bits on any number of threads; the unread head stays as it is.
    @Test func adaptersLearnThroughIt() throws {
        var ends: [[Float]] = []
        for threads in [1, 2, 5] {
            let (trainer, data) = try Self.trainer(threads: threads)
            let head = trainer.model.head.weight.values.values
            let before = try trainer.evaluate(data).loss
            let all = Array(data.sequences.indices)
            let first = try trainer.step(1, data: data, indices: all)
            // Products of other numbers of rows may round otherwise.
            #expect(abs(first.loss - before) < 1e-5 * before)
            for step in 2...20 { _ = try trainer.step(step, data: data, indices: all) }
            #expect(try trainer.evaluate(data).loss < 0.7 * before, "\(before)")
            #expect(trainer.model.head.weight.values.values == head)
            ends.append(trainer.vector.values.values)
        }
        #expect(ends[0] == ends[1] && ends[0] == ends[2])
    }

    /// The pool that the estimate foresees is what training and evaluating take.
    @Test func itsMemoryIsEstimated() throws {
        let (trainer, _) = try Self.trainer(threads: 1)
        let words = try #require(
            trainer.model.backbone.weights.first { $0.name.hasSuffix("word_embeddings.weight") })
        let sequences = (0..<24).map { row in
            TokenizedDataset.Sequence(
                ids: (0..<9).map { Int32(5 + (row + $0) % 90) }, typeIDs: Array(repeating: 0, count: 9))
        }
        let data = TokenizedDataset(
            sequences: sequences, objective: WordObjective(words: words, ids: sequences.map(\.ids)))
        let sampler = BatchSampler(examples: 24, batch: 8, seed: 1)
        let estimate = PoolEstimate(
            trainer.model, try #require(data.objective),
            ShardLoad(training: data, sampler, totalSteps: 3), nil,
            trainable: trainer.trainableParameters, workers: 1)
        let order = sampler.order(epoch: 0)
        for step in 1...3 {
            _ = try trainer.step(step, data: data, indices: Array(sampler.indices(step: step, order: order)))
        }
        // Eight sequences take one buffer of [72, 32] more than shards of one and two foretell.
        #expect(abs(trainer.model.workers.allocatedElements - estimate.elements) <= 72 * 32 + 256)
    }
}
