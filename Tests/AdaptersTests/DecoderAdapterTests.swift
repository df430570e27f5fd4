import Adapters
import Autodiff
import GoldenFiles
import GoldenModels
import Matrices
import ModelFiles
import Testing
import Transformers

/// PEFT's LoRA on a tiny Phi 3, whose fused matrices are one place each, as it saved it (scripts/goldens/decoders_parity.py):
/// loss, logits of the last tokens, and the gradients of all factors.
@Suite struct DecoderAdapterTests {
    // Float32 sums in another order.
    @Test func logitsLossAndEveryGradient() throws {
        let backbone = try PretrainedModel.open(Golden.url("decoders/phi3/model")).openBackbone()
        let head = try backbone.vocabularyHead()
        let set = try PEFTFolder.load(Golden.url("decoders/phi3/adapter"), onto: backbone, head: head).set
        #expect(
            set.adapters.map(\.site.role.rawValue).prefix(4) == [
                "qkv", "attention-output", "gate-up", "down",
            ])
        #expect(set.adapters.count == 8 && set.ranks.allSatisfy { $0 == 2 })
        let expected = try Golden.tensors("decoders/phi3/adapter_expected.safetensors")
        let sequences = try Golden.sequences(Golden.json("decoders/phi3/batch.json"))
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
        let loss = tape.vocabularyCrossEntropy(
            hidden, weight: head.outputMatrix, targets: targets,
            divisor: Double(targets.count { $0 != Tape.ignoredLabel }), transform: head.outputTransform)
        tape.backward()
        #expect(relativeError([Float(loss)], try expected.floats("loss")) < 1e-5)
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
