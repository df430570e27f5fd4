import Adapters
import Autodiff
import GoldenFiles
import GoldenModels
import Matrices
import ModelFiles
import Testing
import Transformers

/// PEFT's LoRA on all matrices of the tiny Llama, as it saved it (scripts/goldens/llama_parity.py): loss, logits of the last
/// tokens, and the gradients of all factors.
@Suite struct LlamaAdapterTests {
    // Float32 sums in another order.
    @Test func logitsLossAndEveryGradient() throws {
        let backbone = try PretrainedModel.open(Golden.url("llama/model")).openBackbone()
        let head = try backbone.vocabularyHead()
        let set = try PEFTFolder.load(Golden.url("llama/adapter"), onto: backbone, head: head).set
        #expect(set.adapters.count == 21 && set.ranks.allSatisfy { $0 == 4 })
        let expected = try Golden.tensors("llama/adapter_expected.safetensors")
        let sequences = try Golden.sequences(Golden.json("llama/batch.json"))
        let batch = PackedBatch(sequences.map { ($0.ids, $0.types) })
        let vector = ParameterVector(set.parameters)
        let gradients = Matrix(rows: 1, columns: vector.count)
        let tape = Tape(pool: BufferPool(), parameterGradients: gradients, dropoutStream: nil)
        let hidden = backbone.hiddenStates(batch, on: tape)
        let logits = head.logits(hidden, offsets: batch.offsets, on: tape).value
        let last = batch.offsets.dropFirst().flatMap { end in
            Array(UnsafeBufferPointer(start: logits.row(end - 1), count: logits.columns))
        }
        #expect(relativeError(last, try expected.floats("lastLogits")) < 1e-5)
        let targets = sequences.flatMap { $0.ids.dropFirst() + [Tape.ignoredLabel] }
        let count = targets.count { $0 != Tape.ignoredLabel }
        let loss = tape.vocabularyCrossEntropy(
            hidden, weight: head.outputMatrix, targets: targets, divisor: Double(count))
        tape.backward()
        let expectedLoss = Double(try expected.floats("loss")[0])
        #expect(abs(loss - expectedLoss) < 1e-5 * expectedLoss)
        for adapter in set.adapters {
            for (factor, name) in zip(adapter.parameters, ["lora_B", "lora_A"]) {
                let range = vector.range(of: factor)
                let ours = Array(
                    UnsafeBufferPointer(start: gradients.pointer + range.lowerBound, count: range.count))
                let theirs = try expected.floats("grad.\(adapter.layer.modulePath).\(name)")
                #expect(relativeError(ours, theirs) < 1e-4, "\(adapter.site) \(name)")
            }
        }
    }
}
