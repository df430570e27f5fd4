import Autodiff
import Datasets
import Foundation
import GoldenFiles
import Matrices
import ModelFiles
import Tasks
import Testing
import Transformers

/// What meters make of shards, beside the loss of all rows at once.
@Suite struct MeterTests {
    private static let lengths = (0..<30).map { 2 + $0 * 7 % 11 }

    private struct Scene {
        let head: SequenceHead
        let objective: any Objective
        let outputs: Int

        /// The sequences `members`, each with hidden rows of its own that depend on nothing but its number.
        func rows(_ members: [Int]) -> ShardRows {
            let isPerToken = head.form.isPerToken
            var offsets = [0]
            var values: [Float] = []
            for member in members {
                let count = isPerToken ? MeterTests.lengths[member] : 1
                var stream = RandomStream(seed: 5, purpose: "hidden rows", indices: [member])
                values += (0..<count * 32).map { _ in Float(2 * stream.normal()) }
                offsets.append((offsets.last ?? 0) + count)
            }
            let tape = Tape(evaluatingWith: BufferPool())
            let hidden = Matrix(rows: values.count / 32, columns: 32, values: values)
            return ShardRows(
                members: members, hidden: tape.input(hidden), offsets: offsets, head: head, tape: tape)
        }

        func evaluation(_ shards: [[Int]], keepsWrongRows: Bool = false) -> Evaluation {
            var options = AnswerOptions()
            options.keepsWrongRows = keepsWrongRows
            let meter = objective.meter(options, outputs: outputs)
            for shard in shards { meter.read(rows(shard)) }
            return meter.evaluation()
        }
    }

    /// A task's objective for rows with all kinds of truth, by its own reading of a made-up file.
    private static func scene(_ name: String) throws -> Scene {
        let backbone = try PretrainedModel.open(Golden.url("bert/model")).openBackbone()
        let kind = try #require(TaskKind(rawValue: name))
        let form = kind.type.headForm(.first)
        let outputs = kind.type.fixedOutputs ?? 4
        let head = try SequenceHead(
            backbone: backbone, outputs: outputs, form: form, dropout: 0,
            stream: RandomStream(seed: 3, purpose: "head"))
        var stream = RandomStream(seed: 4, purpose: "head weights")
        stream.fillNormal(head.weight.values, deviation: 0.5)
        let objective: any Objective =
            switch name {
            case "classification": ClassObjective(truth: lengths.map { Int32($0 % 4) })
            case "regression": ScoreObjective(truth: lengths.map { Float($0) / 3 })
            case "token-classification":
                TokenObjective(
                    labels: lengths.enumerated().map { row, length in
                        (0..<length).map { $0 % 3 == row % 3 ? Int32($0 % 4) : Tape.ignoredLabel }
                    }, scheme: TagScheme(names: ["B-X", "I-X", "B-Y", "O"]))
            default: LabelSetObjective(truth: lengths.map { $0 % 5 == 0 ? [] : [Int32($0 % 2), 3] })
            }
        return Scene(head: head, objective: objective, outputs: outputs)
    }

    private static let names = ["classification", "regression", "multi-label", "token-classification"]

    private static func isSame(_ first: Evaluation, _ second: Evaluation) -> Bool {
        first.loss == second.loss && first.metrics.map(\.value) == second.metrics.map(\.value)
            && first.perClass == second.perClass && rows(first) == rows(second)
    }

    private static func rows(_ evaluation: Evaluation) -> [String] {
        switch evaluation.rows {
        case .shares(let shares): shares.map { "\($0.key) \($0.value)" }.sorted()
        default: ["\(evaluation.rows)"]
        }
    }

    /// The very bits of the loss over all rows in their order, which a meter never sees at once.
    @Test(arguments: names) func theLossIsThatOfAllRows(_ name: String) throws {
        let scene = try Self.scene(name)
        let all = Array(Self.lengths.indices)
        let rows = scene.rows(all)
        let loss = scene.objective.loss(rows, divisor: scene.objective.weight(of: all))
        #expect(scene.evaluation([all]).loss == loss && loss.isFinite && loss > 0)
    }

    /// Shards come as workers finish them.
    @Test(arguments: names) func theOrderOfShardsDoesNotCount(_ name: String) throws {
        let scene = try Self.scene(name)
        let shards = [[4, 0, 9], [1, 2, 3], [29, 5], Array(6..<9), Array(10..<29)]
        let first = scene.evaluation(shards)
        for other in [shards.reversed(), [shards[3], shards[0], shards[4], shards[2], shards[1]]] {
            #expect(Self.isSame(first, scene.evaluation(Array(other))))
        }
        #expect(first.metrics.allSatisfy { $0.value?.isFinite ?? false })
        // Products of other numbers of rows may round otherwise.
        #expect(abs(first.loss - scene.evaluation([Array(Self.lengths.indices)]).loss) < 1e-5 * first.loss)
    }

    /// Of each wrong row what was true and answered, with the most probable classes; of the others nothing.
    @Test(arguments: ["classification", "multi-label"]) func wrongRowsAreKeptWhereAskedFor(_ name: String)
        throws
    {
        let scene = try Self.scene(name)
        let shards = [[4, 0, 9], [1, 2, 3], [29, 5], Array(6..<9), Array(10..<29)]
        #expect(scene.evaluation(shards).wrongRows == nil)
        let evaluation = scene.evaluation(shards.reversed(), keepsWrongRows: true)
        let wrong = try #require(evaluation.wrongRows)
        switch evaluation.rows {
        case .classes(let predicted, let truth):
            let rows = truth.indices.filter { truth[$0] != predicted[$0] }
            #expect(wrong.map(\.row) == rows && !rows.isEmpty && rows.count < truth.count)
            #expect(wrong.map(\.truth) == rows.map { [truth[$0]] })
            #expect(wrong.map(\.answer) == rows.map { [predicted[$0]] })
            #expect(wrong.allSatisfy { $0.probabilities.first?.label == $0.answer[0] })
            #expect(wrong.allSatisfy { abs($0.probabilities.reduce(0) { $0 + $1.probability } - 1) < 1e-12 })
            #expect(evaluation.confusion?.cells.reduce(0) { $0 + $1.count } == truth.count)
        case .shares(let shares):
            let exact = try #require(shares[.subsetAccuracy])
            #expect(wrong.map(\.row) == exact.indices.filter { exact[$0].part == 0 })
            #expect(wrong.allSatisfy { $0.truth != $0.answer } && evaluation.confusion == nil)
        default: Issue.record("\(name) has other rows")
        }
        for row in wrong {
            #expect(row.probabilities.count == scene.outputs)
            let values = row.probabilities.map(\.probability)
            #expect(values == values.sorted(by: >))
        }
    }

    /// Predicted classes by hand: the first largest of equal logits.
    @Test func theFirstLargestIsPredicted() {
        let logits = Matrix(rows: 3, columns: 3, values: [1, 2, 2, 0, -1, 0, -3, -2, -1])
        #expect((0..<3).map { logits.largestColumn($0) } == [1, 0, 2])
    }

    /// Class weights count in training and not in evaluations.
    @Test(arguments: ["classification", "token-classification"]) func weightsAreTrainingsAlone(_ name: String)
        throws
    {
        let scene = try Self.scene(name)
        let weighted = Scene(
            head: scene.head, objective: scene.objective.weighted(by: [1, 2, 3, 4]), outputs: scene.outputs)
        let all = Array(Self.lengths.indices)
        #expect(Self.isSame(scene.evaluation([all]), weighted.evaluation([all])))
        let counts = scene.objective.classes.joined().filter { $0 >= 0 }
        #expect(scene.objective.weight(of: all) == Double(counts.count))
        #expect(weighted.objective.weight(of: all) == counts.reduce(0) { $0 + Double($1 + 1) })
        #expect(
            scene.objective.loss(scene.rows(all), divisor: 1)
                != weighted.objective.loss(weighted.rows(all), divisor: 1))
    }

    /// Estimates of memory run the task's own loss on sequences that nobody has.
    @Test(arguments: names) func madeUpSequencesHaveALoss(_ name: String) throws {
        let scene = try Self.scene(name)
        let lengths = Array(Self.lengths.prefix(6))
        let madeUp = Scene(
            head: scene.head, objective: scene.objective.madeUp(lengths: lengths), outputs: scene.outputs)
        #expect(madeUp.objective.loss(madeUp.rows(Array(0..<6)), divisor: 1).isFinite)
        #expect(madeUp.evaluation([Array(0..<6)]).loss.isFinite)
    }
}
