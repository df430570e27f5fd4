import AdapterTools
import Autodiff
import Foundation
import GoldenFiles
import Matrices
import ModelFiles
import Testing
import Transformers

/// Encoders written as llama.cpp's `bert`, and its files opened (scripts/goldens/gguf_encoders.py).
@Suite struct GGUFEncoderTests {
    private struct Expected: Decodable {
        let sequences: [[Int32]]
        let models: [String: [String: [[Float]]]]
    }

    private static let folders = [
        "bert": "bert/model", "roberta": "encoders/roberta/model", "distilbert": "encoders/distilbert/model",
    ]

    private static func expected() throws -> Expected {
        try JSONDecoder().decode(
            Expected.self, from: Data(contentsOf: Golden.url("gguf-encoders/expected.json")))
    }

    private static func open(_ name: String) throws -> (model: PretrainedModel, backbone: any Backbone) {
        let model = try PretrainedModel.open(Golden.url(try #require(folders[name])))
        return (model, try model.openBackbone())
    }

    /// The classifier of a golden's folder.
    private static func head(
        _ model: PretrainedModel, _ backbone: any Backbone, _ pooling: Pooling
    ) throws -> SequenceHead {
        let weights = try model.openWeights()
        let form = HeadForm.sequence(pooling)
        let shape = try #require(weights.tensor(backbone.architecture.outputName(form) + ".weight")?.shape)
        let head = try SequenceHead(
            backbone: backbone, outputs: shape[0], form: form, dropout: 0,
            stream: RandomStream(seed: 0, purpose: "overwritten"))
        for parameter in head.parameters {
            try weights.copyFloat32(
                parameter.name,
                into: UnsafeMutableBufferPointer(
                    start: parameter.values.pointer, count: parameter.values.count))
        }
        return head
    }

    private static func write(
        _ model: PretrainedModel, _ backbone: any Backbone, classifier: [GGUFModelTensor] = [],
        as type: String = "F32", _ body: (URL) throws -> Void
    ) throws {
        let form = try #require(GGUFForm.of(model.config))
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).gguf")
        defer { try? FileManager.default.removeItem(at: url) }
        let file = try GGUFModelFile(
            metadata: [("general.architecture", .string(form.name)), ("general.type", .string("model"))]
                + form.keys(of: backbone, model.config),
            tensors: form.tensors(of: backbone, model.config, changed: []) + classifier, .format(type))
        try file.write(to: url)
        _ = try file.check(url)
        try body(url)
    }

    private static func hidden(_ backbone: any Backbone, _ ids: [Int32]) -> Matrix {
        let tape = Tape(evaluatingWith: BufferPool())
        return backbone.hiddenStates(PackedBatch([(ids, ids.map { _ in 0 })]), on: tape).value
    }

    private static func pooled(_ backbone: any Backbone, _ ids: [Int32]) -> [Float] {
        let rows = hidden(backbone, ids)
        return (0..<rows.columns).map { column in
            (0..<rows.rows).reduce(0) { $0 + rows.row($1)[column] } / Float(rows.rows)
        }
    }

    private static func logits(_ backbone: any Backbone, _ head: SequenceHead, _ ids: [Int32]) -> [Float] {
        let tape = Tape(evaluatingWith: BufferPool())
        let rows = backbone.hiddenStates(PackedBatch([(ids, ids.map { _ in 0 })]), on: tape)
        return head.logits(rows, offsets: [0, ids.count], on: tape).value.values
    }

    /// Tensors and keys; a classifier is compared where the converter writes all of it.
    @Test(arguments: ["bert", "roberta", "distilbert"]) func isWhatTheConverterWrites(_ name: String) throws {
        let (model, backbone) = try Self.open(name)
        let head = name == "roberta" ? try Self.head(model, backbone, .pooler).storedTensors : []
        try Self.write(model, backbone, classifier: try #require(head)) { url in
            let (own, golden) = (
                try GGUFFile(url), try GGUFFile(Golden.url("gguf-encoders/\(name).gguf"))
            )
            let names = golden.names.filter { name == "roberta" || !$0.hasPrefix("cls.") }
            #expect(Set(own.names) == Set(names))
            for name in names {
                let (ours, theirs) = (try #require(own.tensor(name)), try #require(golden.tensor(name)))
                #expect(ours.isSame(as: theirs), "\(name)")
            }
            let keys = golden.metadata.keys.filter { $0.hasPrefix("bert.") }
            #expect(keys.count > 6)
            for key in keys where !["bert.vocab_size", "bert.classifier.output_labels"].contains(key) {
                #expect(try own.metadata.value(key) == golden.metadata.value(key), "\(key)")
            }
        }
    }

    /// The same model again, whatever it was called; llama.cpp looks GELU up in a table of half precision (5e-4 of values up to
    /// 2).
    @Test(arguments: ["bert", "roberta", "distilbert"]) func theirFilesAreOpened(_ name: String) throws {
        let (model, backbone) = try Self.open(name)
        let opened = try PretrainedModel.open(Golden.url("gguf-encoders/\(name).gguf"))
        let again = try opened.openBackbone()
        #expect(opened.config.modelType == (name == "roberta" ? "bert" : name))
        #expect(opened.config.unreadKeys.isEmpty, "\(opened.config.unreadKeys)")
        #expect(GGUFLosses(backbone, again).others.isEmpty)
        let expected = try Self.expected()
        let rows = try #require(expected.models[name]?["llama.cpp"])
        for (ids, row) in zip(expected.sequences, rows) {
            let found = Self.pooled(again, ids)
            let farthest = zip(found, row).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
            #expect(farthest < 1e-3)
            #expect(Self.hidden(again, ids).values == Self.hidden(backbone, ids).values)
        }
        _ = model
    }

    /// A classifier is written where llama.cpp computes what it does, and the file's gives the same numbers.
    @Test func classifiersOfTheFirstRow() throws {
        let ids: [Int32] = [7, 21, 5, 40]
        for (name, pooling, count) in [
            ("bert", Pooling.pooler, 4), ("roberta", .pooler, 4), ("bert", .first, 2),
            ("distilbert", .first, 2),
        ] {
            let (model, backbone) = try Self.open(name)
            let head = try Self.head(model, backbone, pooling)
            let stored = try #require(head.storedTensors, "\(name)")
            #expect(stored.count == count)
            try Self.write(model, backbone, classifier: stored) { url in
                let opened = try PretrainedModel.open(url)
                let again = try opened.openBackbone()
                let written = try Self.head(opened, again, pooling)
                #expect(Self.logits(again, written, ids) == Self.logits(backbone, head, ids), "\(name)")
            }
        }
        for (name, pooling) in [("distilbert", Pooling.pooler), ("bert", .mean), ("roberta", .mean)] {
            let (_, backbone) = try Self.open(name)
            let head = try SequenceHead(
                backbone: backbone, outputs: 3, pooling: pooling, dropout: 0,
                stream: RandomStream(seed: 0, purpose: "none"))
            #expect(head.storedTensors == nil, "\(name) by \(pooling)")
        }
    }

    /// What is added to words stays whole, and a classifier nearly so.
    @Test func fewBitsAreForMatricesOfLayers() throws {
        let (model, backbone) = try Self.open("bert")
        let head = try Self.head(model, backbone, .pooler)
        try Self.write(model, backbone, classifier: try #require(head.storedTensors), as: "Q8_0") { url in
            let file = try GGUFFile(url)
            let found = Dictionary(uniqueKeysWithValues: file.tensors.map { ($0.name, $0.type.name) })
            #expect(found["token_types.weight"] == "F32" && found["position_embd.weight"] == "F32")
            #expect(found["cls.weight"] == "F16" && found["cls.output.weight"] == "F16")
            #expect(found["blk.1.ffn_down.weight"] == "Q8_0" && found["token_embd.weight"] == "Q8_0")
        }
    }

    /// GELU by tanh is a key of the file, which llama.cpp passes over.
    @Test func theActivationIsKept() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID())")
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.copyItem(at: Golden.url("bert/model"), to: folder)
        let file = folder.appendingPathComponent("config.json")
        var config = try #require(try JSONValue.read(file).object)
        config["hidden_act"] = .string("gelu_new")
        try Data(JSONValue.object(config).bytes()).write(to: file)
        let model = try PretrainedModel.open(folder)
        let backbone = try model.openBackbone()
        try Self.write(model, backbone) { url in
            let again = try PretrainedModel.open(url).openBackbone()
            #expect(GGUFLosses(backbone, again).others.isEmpty)
            #expect(Self.hidden(again, [5, 9]).values == Self.hidden(backbone, [5, 9]).values)
        }
    }

    @Test(arguments: [
        ("albert", "narrower than its layers"), ("electra", "narrower than its layers"),
        ("mpnet", "how far apart tokens are"), ("deberta", "how far apart tokens are"),
    ])
    func whatNoEncoderOfTheirsComputes(_ name: String, reason: String) throws {
        let backbone = try PretrainedModel.open(Golden.url("encoders/\(name)/model")).openBackbone()
        #expect(GGUFForm.whyNot(backbone)?.contains(reason) == true)
        #expect(GGUFForm.whyNot(try Self.open("bert").backbone) == nil)
    }

    /// Attention that sees only what stands before, and an epsilon that the model cannot have.
    @Test(arguments: [
        ("bert", "attention.causal", GGUFValue.bool(true), "attention.causal"),
        ("distilbert", "attention.layer_norm_epsilon", .float32(1e-5), "attention.layer_norm_epsilon"),
    ])
    func otherEncodersAreRefused(_ name: String, key: String, value: GGUFValue, place: String) throws {
        let golden = try GGUFFile(Golden.url("gguf-encoders/\(name).gguf"))
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).gguf")
        defer { try? FileManager.default.removeItem(at: url) }
        let metadata = try golden.metadata.keys.compactMap { own in
            try golden.metadata.value(own).map { (own, own == "bert.\(key)" ? value : $0) }
        }
        let tensors = golden.tensors.compactMap { info in
            golden.tensor(info.name).map {
                GGUFTensorToWrite(name: info.name, type: info.type, copying: $0)
            }
        }
        try GGUFWriter.write(metadata: metadata, tensors: tensors, to: url)
        let error = #expect(throws: ModelFileError.self) { try PretrainedModel.open(url) }
        #expect(error?.place?.contains(place) == true, "\(error?.description ?? "")")
    }
}
