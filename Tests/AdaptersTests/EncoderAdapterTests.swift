import Adapters
import Autodiff
import Foundation
import GoldenFiles
import Matrices
import ModelFiles
import Testing
import Transformers

/// PEFT's LoRA on all matrices of DeBERTa and MPNet (scripts/goldens/encoder_adapters.py): DeBERTa's query and key adapters
/// act on the relative embeddings too, so their gradients come along both ways.
@Suite struct EncoderAdapterTests {
    private struct Case {
        let backbone: any Backbone
        let head: SequenceHead
        let adapters: AdapterSet
        let sequences: [(ids: [Int32], types: [Int32], label: Int32)]
        let expected: TensorStore

        init(_ name: String) throws {
            let folder = Golden.url("encoders/\(name)")
            backbone = try PretrainedModel.open(folder.appendingPathComponent("model")).openBackbone()
            head = try SequenceHead(
                backbone: backbone, outputs: 3, pooling: .pooler, dropout: 0,
                stream: RandomStream(seed: 0, purpose: "overwritten"))
            adapters = try PEFTFolder.load(
                folder.appendingPathComponent("adapter"), onto: backbone, head: head
            ).set
            sequences = try Golden.sequences(Golden.json("encoders/\(name)/batch.json"))
            expected = try Golden.tensors("encoders/\(name)/adapter_expected.safetensors")
        }
    }

    // PyTorch's own Float32 error is 1e-6 on models of this size; 1e-5 for logits and 1e-4 for gradients leave room for
    // another summation order.
    @Test(arguments: ["deberta", "mpnet"], [false, true])
    func logitsAndEveryGradient(name: String, recomputing: Bool) throws {
        let model = try Case(name)
        #expect(model.adapters.adapters.count == 12)
        let vector = ParameterVector(model.adapters.adapters.flatMap(\.parameters))
        let gradients = Matrix(rows: 1, columns: vector.count)
        let tape = Tape(pool: BufferPool(), parameterGradients: gradients, dropoutStream: nil)
        let batch = PackedBatch(model.sequences.map { ($0.ids, $0.types) })
        let hidden = model.backbone.hiddenStates(batch, rows: .first, recomputing: recomputing, on: tape)
        let logits = model.head.logits(hidden, offsets: Array(0...batch.sequences), on: tape)
        #expect(relativeError(logits.value.values, try model.expected.floats("logits")) < 1e-5)
        _ = tape.crossEntropy(
            logits, labels: model.sequences.map(\.label), divisor: Double(model.sequences.count))
        tape.backward()
        for adapter in model.adapters.adapters {
            let path = adapter.layer.modulePath
            for (parameter, factor) in [(adapter.factors.q, "lora_A"), (adapter.factors.p, "lora_B")] {
                let ours = vector.range(of: parameter).map { gradients.pointer[$0] }
                let error = relativeError(ours, try model.expected.floats("grad.\(path).\(factor)"))
                #expect(error < 1e-4, "\(path).\(factor): \(error)")
            }
        }
    }

    /// PEFT leaves DeBERTa's pooler out unless asked, and a base model has none.
    @Test func aHeadThatIsNowhereIsNamed() throws {
        let golden = Golden.url("encoders/deberta")
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "adapter-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.copyItem(
            at: golden.appendingPathComponent("adapter/adapter_config.json"),
            to: folder.appendingPathComponent("adapter_config.json"))
        func copy(_ source: TensorStore, to name: String) throws -> TensorStore {
            let file = folder.appendingPathComponent(name)
            let kept = source.tensors.filter { !$0.name.contains("pooler") }
            try SafetensorsWriter.write(
                try kept.map {
                    TensorToWrite(name: $0.name, shape: $0.shape, values: try source.floats($0.name))
                }, metadata: [:], to: file)
            return try TensorStore(file: file)
        }
        _ = try copy(
            Golden.tensors("encoders/deberta/adapter/adapter_model.safetensors"),
            to: "adapter_model.safetensors")
        let base = try copy(
            Golden.tensors("encoders/deberta/model/model.safetensors"), to: "base.safetensors")
        let backbone = try PretrainedModel.open(golden.appendingPathComponent("model")).openBackbone()
        let head = try SequenceHead(
            backbone: backbone, outputs: 3, pooling: .pooler, dropout: 0,
            stream: RandomStream(seed: 0, purpose: "overwritten"))
        let error = #expect(throws: ModelFileError.self) {
            try PEFTFolder.load(folder, onto: backbone, head: head, base: base)
        }
        let message = try #require(error).description
        #expect(
            message.hasSuffix(
                "adapter_model.safetensors: pooler.dense.weight: neither the adapter nor the base model has this part "
                    + "of the head; save it with the adapter (PEFT: modules_to_save pooler, classifier)"),
            "\(message)")
    }
}
