import Adapters
import Autodiff
import Foundation
import GoldenFiles
import GoldenModels
import Matrices
import ModelFiles
import Testing
import Transformers

/// PEFT's LoRA on the tiny Llama (scripts/goldens/llama_parity.py), on a GGUF of the same model, whose queries and keys have
/// their rows in another order.
@Suite struct GGUFAdapterTests {
    private static func folder() throws -> URL {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("twin-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        return url
    }

    private static func head(_ backbone: any Backbone) throws -> SequenceHead {
        try backbone.vocabularyHead()
    }

    /// A prefix, of which the keys have another order there too: what PEFT computes on the folder, and its file to the bit.
    @Test func aPrefixIsThatOfTransformersModel() throws {
        let folder = try Self.folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("twin.gguf")
        try LlamaTwin.write(to: file)
        let backbone = try PretrainedModel.open(file).openBackbone()
        let head = try Self.head(backbone)
        let name = "virtual-tokens/llama-prefix"
        let set = try PEFTFolder.load(Golden.url("\(name)/adapter"), onto: backbone, head: head).set
        let rows = try Golden.json("\(name)/batch.json")["sequences"]?.array ?? []
        let batch = PackedBatch(
            rows.map { row in
                let ids = row["ids"]?.array?.compactMap { $0.int.map(Int32.init) } ?? []
                return (ids, ids.map { _ in 0 })
            })
        let tape = Tape(evaluatingWith: BufferPool())
        let logits = head.logits(
            backbone.hiddenStates(batch, on: tape), offsets: batch.offsets, on: tape
        ).value
        let last = batch.offsets.dropFirst().flatMap { end in
            Array(UnsafeBufferPointer(start: logits.row(end - 1), count: logits.columns))
        }
        let expected = try Golden.tensors("\(name)/expected.safetensors")
        // Float32 sums in another order.
        #expect(try relativeError(last, expected.floats("lastLogits")) < 1e-5)
        try PEFTFolder.write(set, as: .lora, head: nil, baseModel: "twin", into: folder)
        let written = try TensorStore(file: folder.appendingPathComponent(PEFTFolder.weightsFile))
        let saved = try Golden.tensors("\(name)/adapter/adapter_model.safetensors")
        #expect(try written.floats("prompt_embeddings") == saved.floats("prompt_embeddings"))
        // In the model's own order keys are others.
        let first = Array(try saved.floats("prompt_embeddings").prefix(12))
        #expect(set.parameters[0].values.rows(0..<1).values != first)
        #expect(set.parameters[0].values.rows(0..<1).values.sorted() == first.sorted())
    }

    /// On the GGUF it computes what PEFT does on the folder, and comes out as PEFT saved it, to the bit.
    @Test func isThatOfTransformersModel() throws {
        let folder = try Self.folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("twin.gguf")
        try LlamaTwin.write(to: file)
        let backbone = try PretrainedModel.open(file).openBackbone()
        let ordered = backbone.linearLayers.filter { $0.rowOrder != nil }.map(\.site.role)
        #expect(Set(ordered) == [.query, .key] && ordered.count == 6)
        let head = try Self.head(backbone)
        let set = try PEFTFolder.load(Golden.url("llama/adapter"), onto: backbone, head: head).set
        let batch = PackedBatch(
            try Golden.sequences(Golden.json("llama/batch.json")).map { ($0.ids, $0.types) })
        let tape = Tape(evaluatingWith: BufferPool())
        let logits = head.logits(
            backbone.hiddenStates(batch, on: tape), offsets: batch.offsets, on: tape
        ).value
        let last = batch.offsets.dropFirst().flatMap { end in
            Array(UnsafeBufferPointer(start: logits.row(end - 1), count: logits.columns))
        }
        let expected = try Golden.tensors("llama/adapter_expected.safetensors")
        // Float32 sums in another order.
        #expect(relativeError(last, try expected.floats("lastLogits")) < 1e-5)

        try PEFTFolder.write(set, as: .lora, head: head, baseModel: "twin", into: folder)
        let written = try TensorStore(file: folder.appendingPathComponent(PEFTFolder.weightsFile))
        let saved = try Golden.tensors("llama/adapter/adapter_model.safetensors")
        #expect(written.names.count == 42)
        #expect(written.names.sorted() == saved.names.sorted())
        for name in saved.names { #expect(try written.floats(name) == saved.floats(name), "\(name)") }
        // In the model's own order queries and keys are others.
        let query = try #require(set.adapters.first { $0.layer.site.role == .query })
        let b = "base_model.model.\(query.layer.modulePath).lora_B.weight"
        #expect(try query.factors.p.values.values == LlamaTwin.neighbouring(saved.floats(b), width: 4))
        #expect(try query.factors.p.values.values != saved.floats(b))
    }

    /// Where B has as many rows as A, A keeps its own.
    @Test func onlyTheSideOfOutputsIsReordered() throws {
        let folder = try Self.folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("twin.gguf")
        try LlamaTwin.write(to: file)
        let backbone = try PretrainedModel.open(file).openBackbone()
        let head = try Self.head(backbone)
        let layers = backbone.linearLayers.filter { $0.site.role == .query || $0.site.role == .down }
        let made = layers.enumerated().map { number, layer in
            var stream = RandomStream(seed: 3, purpose: "factors \(number)")
            let (b, a) = (Matrix(rows: layer.outputs, columns: 24), Matrix(rows: 24, columns: layer.inputs))
            stream.fillNormal(b, deviation: 1)
            stream.fillNormal(a, deviation: 1)
            return LoRAUpdate(layer: layer, b: b, a: a, factor: 1)
        }
        let set = AdapterSet(hanging: made)
        try PEFTFolder.write(set, as: .lora, head: head, baseModel: "twin", into: folder)
        let again = try PEFTFolder.load(folder, onto: backbone, head: head).set
        #expect(again.adapters.count == set.adapters.count && set.adapters.count == 6)
        for (old, new) in zip(set.adapters, again.adapters) {
            #expect(old.factors.p.values.values == new.factors.p.values.values)
            #expect(old.factors.q.values.values == new.factors.q.values.values)
        }
    }
}
