import Adapters
import Autodiff
import Foundation
import GoldenFiles
import Matrices
import ModelFiles
import Testing
import Transformers

/// Adapters of PEFT that change more than the matrices of layers (scripts/goldens/adapter_parts.py): read, written and
/// read again they give the logits of PEFT's own reload.
@Suite struct ChangedPartsTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let kind: String
        /// What the adapter changes outside the matrices of layers, the beginning of it
        let summary: String
        var testDescription: String { "\(name)-\(kind)" }

        init(_ name: String, _ kind: String, _ summary: String) {
            (self.name, self.kind, self.summary) = (name, kind, summary)
        }

        var model: URL { Golden.url(name == "bert" ? "bert/model" : "encoders/\(name)/model") }
        var folder: URL { Golden.url("parts/\(testDescription)") }
    }

    private static func opened(_ test: Case, _ folder: URL, readsBase: Bool = true) throws -> (
        backbone: any Backbone, head: SequenceHead, adapter: PEFTFolder.Loaded
    ) {
        let base = try PretrainedModel.open(test.model)
        let backbone = try base.openBackbone()
        let head = try SequenceHead(
            backbone: backbone, outputs: test.name == "bert" ? 5 : 3, pooling: .pooler, dropout: 0,
            stream: RandomStream(seed: 0, purpose: "overwritten"))
        let adapter = try PEFTFolder.load(
            folder, onto: backbone, head: head, base: readsBase ? base.openWeights() : nil)
        return (backbone, head, adapter)
    }

    private static func logits(_ test: Case, _ backbone: any Backbone, _ head: SequenceHead) throws -> [Float]
    {
        let batch = test.name == "bert" ? "roberta" : test.name
        let sequences = try Golden.sequences(Golden.json("encoders/\(batch)/batch.json"))
        let tape = Tape(
            pool: BufferPool(), parameterGradients: Matrix(rows: 1, columns: 0), dropoutStream: nil)
        let packed = PackedBatch(sequences.map { ($0.ids, $0.ids.map { _ in 0 }) })
        let hidden = backbone.hiddenStates(packed, rows: .first, on: tape)
        return head.logits(hidden, offsets: Array(0...packed.sequences), on: tape).value.values
    }

    // PyTorch's own Float32 error is 1e-6 on models of this size; 1e-5 leaves room for another summation order, and for
    // updates that are added to weights before the product.
    @Test(arguments: [
        Case("bert", "all", "bert.embeddings.LayerNorm, "),
        Case("bert", "saved", "bert.embeddings.word_embeddings, "),
        Case("bert", "own", "bert.embeddings.word_embeddings, bert.pooler.dense"),
        Case("bert", "own-biases", "bert.pooler.dense, 8 biases of matrices"),
        Case("bert", "adalora", "bert.pooler.dense"),
        Case("roberta", "all", "17 biases"),
        Case("roberta", "saved", "roberta.embeddings.word_embeddings, "),
        Case("distilbert", "all", "distilbert.embeddings.LayerNorm, "),
        Case("distilbert", "saved", "distilbert.embeddings.word_embeddings, "),
        Case("electra", "all", "electra.embeddings.LayerNorm, electra.embeddings_project, "),
        Case("electra", "saved", "electra.embeddings.word_embeddings, "),
        Case("albert", "all", "albert.embeddings.LayerNorm, albert.encoder.embedding_hidden_mapping_in, "),
        Case("albert", "saved", "albert.embeddings.word_embeddings, "),
        Case("deberta", "all", "deberta.embeddings.LayerNorm, "),
        Case("deberta", "saved", "deberta.embeddings.word_embeddings, "),
        Case("deberta-own-projections", "all", "deberta.embeddings.LayerNorm, "),
        Case("deberta-own-projections", "saved", "deberta.embeddings.word_embeddings, "),
        Case("mpnet", "all", "17 biases"),
        Case("mpnet", "saved", "mpnet.embeddings.word_embeddings, "),
    ])
    func logitsAreThoseOfPEFT(test: Case) throws {
        let expected = try TensorStore(file: test.folder.appendingPathComponent("expected.safetensors"))
            .floats("logits")
        let (backbone, head, adapter) = try Self.opened(test, test.folder)
        #expect(relativeError(try Self.logits(test, backbone, head), expected) < 1e-5)
        #expect(adapter.changed.summary.hasPrefix(test.summary), "\(adapter.changed.summary)")
        #expect(adapter.warnings.isEmpty)

        let written = FileManager.default.temporaryDirectory.appendingPathComponent(
            "parts-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: written, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: written) }
        try PEFTFolder.write(
            adapter.set.foldedToLoRA(padded: false), as: .lora, head: head, changed: adapter.changed,
            baseModel: "model", into: written)
        let again = try Self.opened(test, written, readsBase: false)
        #expect(relativeError(try Self.logits(test, again.backbone, again.head), expected) < 1e-5)
        #expect(again.adapter.changed.summary == adapter.changed.summary)
    }

    /// Names have no `bert.`, and there is no head: the pooler's output is compared.
    @Test func anAdapterOfTheEncoderAlone() throws {
        let folder = Golden.url("parts/bert-encoder")
        let backbone = try PretrainedModel.open(Golden.url("bert/model")).openBackbone()
        let head = try SequenceHead(
            backbone: backbone, outputs: 1, pooling: .pooler, dropout: 0,
            stream: RandomStream(seed: 0, purpose: "not used"))
        let adapter = try PEFTFolder.load(folder, onto: backbone, head: head, takesHead: false)
        #expect(adapter.set.adapters.count == 12 && adapter.changed.summary == "bert.pooler.dense")
        #expect(try PEFTFolder.isOfBackboneAlone(folder, .bert))
        #expect(try !PEFTFolder.isOfBackboneAlone(Golden.url("parts/bert-all"), .bert))
        let width = backbone.sizes.hidden
        let expected = try TensorStore(file: folder.appendingPathComponent("expected.safetensors")).floats(
            "logits")
        // A classifier that passes the pooler's values on, one after the other.
        let test = Case("bert", "encoder", "")
        for place in 0..<width {
            for index in 0..<width { head.weight.values.pointer[index] = index == place ? 1 : 0 }
            let values = try Self.logits(test, backbone, head)
            let wanted = (0..<values.count).map { expected[$0 * width + place] }
            #expect(relativeError(values, wanted) < 1e-5)
        }
    }
}
