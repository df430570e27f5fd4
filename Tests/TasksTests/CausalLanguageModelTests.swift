import Autodiff
import Foundation
import GoldenFiles
import GoldenModels
import Matrices
import ModelFiles
import Tasks
import Testing
import Transformers

/// Loss and gradients of the next token, as transformers' `LlamaForCausalLM` has them (scripts/goldens/llama_parity.py).
@Suite struct CausalLanguageModelTests {
    struct Model {
        let backbone: any Backbone
        let head: SequenceHead
        let batch: PackedBatch
        let objective: NextTokenObjective
        let sequences: Int

        init(_ name: String) throws {
            backbone = try PretrainedModel.open(Golden.url("\(name)/model")).openBackbone()
            head = try backbone.vocabularyHead()
            let sequences = try Golden.sequences(Golden.json("\(name)/batch.json"))
            batch = PackedBatch(sequences.map { ($0.ids, $0.types) })
            objective = NextTokenObjective(ids: sequences.map(\.ids))
            self.sequences = sequences.count
        }

        var members: [Int] { Array(0..<sequences) }

        func rows(on tape: Tape) -> ShardRows {
            var (rows, offsets): ([Int], [Int]) = ([], [0])
            for member in members {
                rows += (objective.rowsRead(member) ?? []).map { batch.offsets[member] + $0 }
                offsets.append(rows.count)
            }
            return ShardRows(
                members: members, hidden: backbone.hiddenStates(batch, rows: .some(rows), on: tape),
                offsets: offsets, head: head, tape: tape)
        }
    }

    // Float32 sums in another order; the loss itself is summed in Double here.
    @Test(arguments: ["llama", "llama/tied"]) func lossAndEveryGradient(_ name: String) throws {
        let model = try Model(name)
        let expected = try Golden.tensors("\(name)/expected.safetensors")
        let parameters = model.backbone.weights.map { $0.thaw() }
        let vector = ParameterVector(parameters)
        let gradients = Matrix(rows: 1, columns: vector.count)
        let tape = Tape(pool: BufferPool(), parameterGradients: gradients, dropoutStream: nil)
        let loss = model.objective.loss(
            model.rows(on: tape), divisor: model.objective.weight(of: model.members))
        tape.backward()
        let expectedLoss = Double(try expected.floats("loss")[0])
        #expect(abs(loss - expectedLoss) < 1e-5 * expectedLoss)
        for parameter in parameters {
            let range = vector.range(of: parameter)
            let ours = Array(
                UnsafeBufferPointer(start: gradients.pointer + range.lowerBound, count: range.count))
            let error = relativeError(ours, try expected.floats("grad.\(parameter.name)"))
            #expect(error < 1e-4, "\(parameter.name): \(error)")
        }
        #expect(expected.tensors.count { $0.name.hasPrefix("grad.") } == parameters.count)
    }

    /// Shards in any order, and the mean over tokens, not over rows.
    @Test func meterGivesPerplexity() throws {
        let model = try Model("llama")
        let expected = Double(try Golden.tensors("llama/expected.safetensors").floats("loss")[0])
        let meter = model.objective.meter(AnswerOptions(), outputs: 0)
        meter.read(model.rows(on: Tape(evaluatingWith: BufferPool())))
        let evaluation = meter.evaluation()
        #expect(abs(evaluation.loss - expected) < 1e-5 * expected)
        let perplexity = try #require(evaluation.value(of: .perplexity))
        #expect(abs(perplexity / exp(expected) - 1) < 1e-4)
        #expect(evaluation.warnings(name: "rows").isEmpty)
    }
}
