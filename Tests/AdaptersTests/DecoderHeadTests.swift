import Adapters
import Autodiff
import Foundation
import GoldenFiles
import Matrices
import ModelFiles
import Testing
import Transformers

/// transformers' sequence classifiers on decoders with LoRA, as PEFT saved them (scripts/goldens/decoder_heads.py): logits
/// of one padded batch, loss, and the gradients of head and factors.
@Suite struct DecoderHeadTests {
    static let models = ["llama", "gpt2", "gpt_neox"]

    private static func head(_ backbone: any Backbone, outputs: Int, _ form: HeadForm = .sequence(.last))
        throws
        -> SequenceHead
    {
        try SequenceHead(
            backbone: backbone, outputs: outputs, form: form, dropout: 0,
            stream: RandomStream(seed: 0, purpose: "overwritten"))
    }

    private static func opened(_ model: String) throws -> (
        backbone: any Backbone, head: SequenceHead, set: AdapterSet
    ) {
        let backbone = try PretrainedModel.open(Golden.url("\(model)/model")).openBackbone()
        let folder = Golden.url("heads/\(model)-score/adapter")
        let outputs = try PEFTFolder.outputs(
            of: folder, classifier: backbone.architecture.outputName(.sequence(.last)) + ".weight",
            inputs: backbone.sizes.hidden)
        let head = try head(backbone, outputs: try #require(outputs))
        return (backbone, head, try PEFTFolder.load(folder, onto: backbone, head: head).set)
    }

    private static func integers(_ json: JSONValue?) -> [Int32] {
        (json?.array ?? []).compactMap(\.int).map(Int32.init)
    }

    private static func rows(_ model: String) throws -> [JSONValue] {
        try #require(try Golden.json("heads/\(model)-score/batch.json")["sequences"]?.array)
    }

    private static func loss(_ rows: [JSONValue], _ logits: Variable, on tape: Tape) -> Double {
        let divisor = Double(rows.count)
        if rows[0]["set"] != nil {
            return tape.binaryCrossEntropy(
                logits, sets: rows.map { integers($0["set"]) }, divisor: divisor)
        }
        if rows[0]["target"] != nil {
            return tape.squaredError(
                logits, targets: rows.map { Float($0["target"]?.double ?? .nan) }, divisor: divisor)
        }
        return tape.crossEntropy(
            logits, labels: rows.map { Int32($0["label"]?.int ?? -1) }, divisor: divisor)
    }

    // Float32 sums in another order; gradients relative to each tensor's largest element.
    @Test(arguments: models) func logitsLossAndEveryGradient(_ model: String) throws {
        let (backbone, head, set) = try Self.opened(model)
        let expected = try Golden.tensors("heads/\(model)-score/expected.safetensors")
        let rows = try Self.rows(model)
        let batch = PackedBatch(
            rows.map { row in (Self.integers(row["ids"]), Self.integers(row["ids"]).map { _ in 0 }) })
        #expect(head.parameters.map(\.name) == ["score.weight"] && head.modules == ["score"])
        let vector = ParameterVector(set.parameters + head.parameters)
        let gradients = Matrix(rows: 1, columns: vector.count)
        let tape = Tape(pool: BufferPool(), parameterGradients: gradients, dropoutStream: nil)
        let hidden = backbone.hiddenStates(batch, rows: head.rows, on: tape)
        let logits = head.logits(hidden, offsets: Array(0...batch.sequences), on: tape)
        #expect(relativeError(logits.value.values, try expected.floats("logits")) < 1e-5)
        let loss = Self.loss(rows, logits, on: tape)
        #expect(abs(loss - Double(try expected.floats("loss")[0])) < 1e-5)
        tape.backward()
        func check(_ parameter: Parameter, _ name: String) throws {
            let range = vector.range(of: parameter)
            let ours = Array(
                UnsafeBufferPointer(start: gradients.pointer + range.lowerBound, count: range.count))
            let theirs = try expected.floats("grad.\(name)")
            #expect(relativeError(ours, theirs) < 1e-4, "\(name): \(relativeError(ours, theirs))")
        }
        try check(head.weight, "score.weight")
        for adapter in set.adapters {
            for (factor, name) in zip(adapter.parameters, ["lora_B", "lora_A"]) {
                try check(factor, "\(adapter.layer.modulePath).\(name)")
            }
        }
        let known = expected.tensors.count { $0.name.hasPrefix("grad.") }
        #expect(known == 1 + 2 * set.adapters.count)
    }

    /// A text that ends with padding tokens is read at the token before them, as transformers does; without a padding
    /// token, or where all are, at its end or its start.
    @Test func whichRowIsTheLast() throws {
        let folder = try EditedFolder("gpt2") { $0["pad_token_id"] = .null }
        let batch = PackedBatch([[9, 2, 8], [9, 8, 2, 2], [2, 2]].map { ($0, $0.map { _ in 0 }) })
        func rows(_ backbone: any Backbone, _ rows: HiddenRows) -> Matrix {
            backbone.hiddenStates(batch, rows: rows, on: Tape(evaluatingWith: BufferPool())).value
        }
        for (url, ends) in [(Golden.url("gpt2/model"), [2, 4, 7]), (folder.url, [2, 6, 8])] {
            let backbone = try PretrainedModel.open(url).openBackbone()
            let all = rows(backbone, .all)
            let expected = ends.flatMap { row in (0..<16).map { all.row(row)[$0] } }
            // Products of other numbers of rows may round otherwise.
            #expect(relativeError(rows(backbone, .last).values, expected) < 1e-6, "\(ends)")
        }
    }

    static let others = [
        "mistral", "ministral3", "qwen2", "qwen3", "gemma2", "gemma3", "phi3", "smollm3", "olmo2", "olmo3",
    ]
    /// Those whose own padding token is none of the tiny vocabulary: transformers opens no such model.
    private static let ownIsOutside: Set = ["phi3", "smollm3"]

    /// Texts that end with what is padding to some: as `config.json` says, or as transformers' class has it where that says
    /// nothing.
    @Test(arguments: others) func otherDecoders(_ model: String) throws {
        let golden = try Golden.json("heads/decoders-score/batch.json")
        let expected = try Golden.tensors("heads/decoders-score/expected.safetensors")
        let batch = PackedBatch(
            try #require(golden["sequences"]?.array).map {
                (Self.integers($0), Self.integers($0).map { _ in 0 })
            })
        let bare = try EditedFolder("decoders/\(model)") { $0["pad_token_id"] = nil }
        for (url, name) in [(Golden.url("decoders/\(model)/model"), "stated"), (bare.url, "absent")] {
            if name == "absent" && Self.ownIsOutside.contains(model) {
                #expect(expected.info("\(model).absent") == nil)
                continue
            }
            let opened = try PretrainedModel.open(url)
            let backbone = try opened.openBackbone()
            let head = try Self.head(backbone, outputs: 3)
            head.weight.values.copyValues(from: try expected.floats("\(model).score"))
            let tape = Tape(evaluatingWith: BufferPool())
            let hidden = backbone.hiddenStates(batch, rows: head.rows, on: tape)
            let logits = head.logits(hidden, offsets: Array(0...batch.sequences), on: tape).value.values
            // Float32 sums in another order.
            #expect(relativeError(logits, try expected.floats("\(model).\(name)")) < 1e-5, "\(name)")
            let type = try #require(opened.config.modelType)
            #expect(
                Architecture.className(modelType: type, head: head.form) == golden["classes"]?[model]?.string)
        }
    }

    /// A padding token makes no other model.
    @Test(arguments: ["gpt2", "llama"]) func paddingIsNotWhatIsBuilt(_ model: String) throws {
        let plain = try PretrainedModel.open(Golden.url("\(model)/model")).openBackbone()
        let folder = try EditedFolder(model) { $0["pad_token_id"] = .number(5) }
        #expect(plain.isBuilt(as: try PretrainedModel.open(folder.url).openBackbone()))
        let key = model == "gpt2" ? "layer_norm_epsilon" : "rms_norm_eps"
        let other = try EditedFolder(model) { $0[key] = .number(0.01) }
        #expect(!plain.isBuilt(as: try PretrainedModel.open(other.url).openBackbone()))
    }

    @Test func encodersHaveALastRowToo() throws {
        let backbone = try PretrainedModel.open(Golden.url("bert/model")).openBackbone()
        let batch = PackedBatch([[9, 12, 8], [9, 8]].map { ($0, $0.map { _ in 0 }) })
        let tape = Tape(evaluatingWith: BufferPool())
        let all = backbone.hiddenStates(batch, on: tape).value
        let last = backbone.hiddenStates(batch, rows: .last, on: tape).value
        let expected = [2, 4].flatMap { row in (0..<all.columns).map { all.row(row)[$0] } }
        #expect(last.values == expected)
    }

    struct Refusal: Sendable {
        let model: String
        let form: HeadForm
        let message: String

        init(_ model: String, _ form: HeadForm, _ message: String) {
            (self.model, self.form, self.message) = (model, form, message)
        }
    }

    @Test(arguments: [
        Refusal("llama", .token, "llama: this version has no heads on the tokens of decoders"),
        Refusal("gpt2", .span, "gpt2: this version has no heads on the tokens of decoders"),
        Refusal("llama", .sequence(.pooler), "pooling pooler is not supported: a decoder has no pooler"),
        Refusal("gpt_neox", .sequence(.first), "pooling first is not supported: a decoder has no pooler"),
        Refusal("decoders/granite", .sequence(.last), "granite: this version has no classifiers on models"),
        Refusal("bert", .sequence(.last), "pooling last is not supported: the last row of an encoder"),
        Refusal("bert", .vocabulary, "bert: the model gives no next words"),
    ])
    func headsThatAreRefused(_ refusal: Refusal) throws {
        let backbone = try PretrainedModel.open(Golden.url("\(refusal.model)/model")).openBackbone()
        let error = #expect(throws: HeadError.self) {
            try Self.head(backbone, outputs: 2, refusal.form)
        }
        let message = "\(try #require(error))"
        #expect(message.contains(refusal.message) && message.contains("; "), "\(message)")
        #expect(!message.contains("\n"))
    }

    /// The mean of a decoder's rows is the mean of an encoder's, without a bias.
    @Test func theMean() throws {
        let backbone = try PretrainedModel.open(Golden.url("gpt2/model")).openBackbone()
        let head = try Self.head(backbone, outputs: 2, .sequence(.mean))
        head.startBias(at: [1, 2])
        #expect(head.parameters.map(\.name) == ["score.weight"] && head.rows == .all)
        let batch = PackedBatch([([5, 9, 7], [0, 0, 0])])
        let tape = Tape(evaluatingWith: BufferPool())
        let hidden = backbone.hiddenStates(batch, on: tape)
        let logits = head.logits(hidden, offsets: batch.offsets, on: tape).value.values
        let mean = (0..<16).map { column in
            (0..<3).reduce(Float(0)) { $0 + hidden.value.row($1)[column] } / 3
        }
        let expected = (0..<2).map { row in
            zip(mean, 0..<16).reduce(Float(0)) { $0 + $1.0 * head.weight.values.row(row)[$1.1] }
        }
        // A sum of 16 products.
        #expect(relativeError(logits, expected) < 1e-5)
    }

    @Test func poolings() throws {
        let architectures = Architecture.all
        #expect(
            architectures.filter { $0.isDecoder }.map(\.name).starts(with: ["llama", "mistral"]))
        for architecture in architectures {
            let form = HeadForm.sequence(architecture.ownPooling)
            #expect(architecture.ownPooling == (architecture.isDecoder ? .last : .pooler))
            #expect(form.classEnd == "ForSequenceClassification" && form.peftTask == "SEQ_CLS")
            #expect(architecture.noun == (architecture.isDecoder ? "decoder" : "encoder"))
        }
        #expect(Pooling.allCases.filter { $0.isOfTransformers } == [.pooler, .last])
    }
}

/// A golden model with other members in its `config.json`; gone with the value.
final class EditedFolder {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("model-\(UUID().uuidString)")

    init(_ model: String, _ edit: (inout JSONObject) -> Void) throws {
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        guard var config = try Golden.json("\(model)/model/config.json").object else {
            throw CocoaError(.fileReadCorruptFile)
        }
        edit(&config)
        try Data(JSONValue.object(config).bytes()).write(to: url.appendingPathComponent("config.json"))
        try FileManager.default.copyItem(
            at: Golden.url("\(model)/model/model.safetensors"),
            to: url.appendingPathComponent("model.safetensors"))
    }

    deinit { try? FileManager.default.removeItem(at: url) }
}
