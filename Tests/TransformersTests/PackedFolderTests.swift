import Autodiff
import Foundation
import GoldenFiles
import Matrices
import ModelFiles
import Testing
import Transformers

/// Folders whose weights were packed once: they open as the weights that packing a model in memory gives.
@Suite struct PackedFolderTests {
    /// Token types of two rows, shared layers, matrices stored [I, O], tied words, one matrix for queries, keys and values
    private static let models = [
        "bert", "encoders/albert", "encoders/deberta", "gpt2", "llama", "llama/tied", "decoders/phi3",
    ]

    private static func packed(
        _ model: EditedModel, as name: String, edit: (inout [TensorToWrite]) -> Void = { _ in }
    ) throws -> (before: any Backbone, base: PackedBase, folder: EditedModel) {
        let opened = try PretrainedModel.open(model.folder)
        let backbone = try opened.openBackbone()
        let base = try #require(BaseFormat.named(name)).pack(backbone, name: "a model")
        let store = try HFFolder(model.folder).openWeights()
        let folder = try EditedModel("bert", tensors: { _ in [] })
        var config = try #require(opened.config.raw.object)
        for (key, value) in try base.configuration(of: store, backbone.architecture) { config[key] = value }
        try Data(JSONValue.object(config).bytes()).write(
            to: folder.folder.appendingPathComponent("config.json"))
        var tensors = try base.tensors(of: store)
        edit(&tensors)
        try folder.write(tensors)
        return (backbone, base, folder)
    }

    @Test(arguments: models, BaseFormat.all.map(\.name)) func opensAsItWasPacked(model: String, name: String)
        throws
    {
        let (before, base, folder) = try Self.packed(try EditedModel(model), as: name)
        // The tiny decoders have rows of 24, which fill no block of 32.
        guard base.matrices > 0 else { return }
        let after = try folder.backbone()
        #expect(before.weights.map(\.name) == after.weights.map(\.name))
        #expect(before.unusedWeights == after.unusedWeights)
        for (own, written) in zip(before.weights, after.weights) {
            #expect(own.format == written.format, "\(own.name)")
            #expect(
                own.floats.map(\.bitPattern) == written.floats.map(\.bitPattern) && own.count > 0,
                "\(own.name)")
            let isCopied = written.isStoredTransposed && written.format == "BF16"
            guard written.format != nil, base.entries.contains(where: { $0.name == own.name }) else {
                continue
            }
            // What is mapped comes back from the file, and belongs to whoever else maps it too.
            #expect((written.releasePages() > 0) == !isCopied, "\(own.name)")
            #expect(own.releasePages() == 0, "\(own.name) was packed in memory")
        }
        let config = try HFConfig(file: folder.folder.appendingPathComponent("config.json"))
        #expect(try BaseFormat.stated(config, by: after)?.name == name)
        // A configuration that somebody copied to other weights says nothing of them.
        let plain = try EditedModel(model).backbone()
        #expect(try BaseFormat.stated(config, by: plain) == nil)
    }

    /// The words a second time, as a language model's output or under the name with a prefix: packed alike, so that they
    /// stay one matrix to readers.
    @Test(arguments: ["bf16", "q8_0"]) func doublesStayDoubles(name: String) throws {
        let bert = try EditedModel("bert", tensors: { [$0] })
        let store = try HFFolder(bert.folder).openWeights()
        let words = try #require(store.names.first { $0.hasSuffix("word_embeddings.weight") })
        let copies = [
            words.hasPrefix("bert.") ? String(words.dropFirst(5)) : "bert." + words, "cls.decoder.weight",
        ]
        let doubled = try EditedModel("bert", tensors: { $0 == words ? [$0] + copies : [$0] })
        let (before, _, folder) = try Self.packed(doubled, as: name)
        let written = try HFFolder(folder.folder).openWeights()
        for copy in copies { #expect(try written.bytes(copy) == written.bytes(words), "\(copy)") }
        let after = try folder.backbone()
        #expect(after.unusedWeights.contains("cls.decoder.weight"))
        #expect(before.unusedWeights == after.unusedWeights)
        #expect(zip(before.weights, after.weights).allSatisfy { $0.floats == $1.floats })
    }

    // MARK: - Blocks in tensors of bytes

    private static func message(
        _ name: String, _ formats: String? = nil, _ change: (TensorToWrite) -> TensorToWrite?
    )
        throws -> String
    {
        let (_, base, folder) = try packed(try EditedModel("bert"), as: "q8_0") { tensors in
            tensors = tensors.compactMap { $0.name == name ? change($0) : $0 }
        }
        #expect(base.entries.contains { $0.name == name })
        if let formats {
            let file = folder.folder.appendingPathComponent("config.json")
            var config = try #require(try JSONValue.read(file).object)
            config["quantization_config"] = try JSONValue.parse(
                #"{"quant_method": "adalora", "formats": \#(formats)}"#)
            try Data(JSONValue.object(config).bytes()).write(to: file)
        }
        do {
            _ = try folder.backbone()
            return "no error"
        } catch { return "\(error)" }
    }

    @Test func whatDoesNotFitIsNamed() throws {
        let names = try EditedModel("bert").backbone().linearLayers.map(\.weight.name)
        let name = try #require(names.first)
        func tensor(_ shape: [Int], _ type: ElementType = .uint8, byte: UInt8 = 0) -> TensorToWrite {
            TensorToWrite(
                name: name, elementType: type, shape: shape,
                bytes: [UInt8](repeating: byte, count: shape.reduce(type.byteCount, *)))
        }
        let cases: [(TensorToWrite?, String)] = [
            (nil, "'\(name)': missing, though config.json says that it is Q8_0"),
            (tensor([32, 33]), "'\(name)': its rows have 33 bytes, which are no whole blocks of Q8_0 (34)"),
            (tensor([32, 0]), "'\(name)': its rows have 0 bytes"),
            (tensor([32 * 34]), "'\(name)': it is U8 [1088], not rows of bytes of Q8_0"),
            (tensor([32, 34], .int8), "'\(name)': it is I8 [32, 34], not rows of bytes of Q8_0"),
            (tensor([31, 34]), "\(name): the weight has shape [31, 32], config.json asks for [32, 32]"),
            (tensor([32, 68]), "\(name): the weight has shape [32, 64], config.json asks for [32, 32]"),
            // Scales of 0xFFFF, which is no number
            (tensor([32, 34], byte: 0xFF), "\(name): the weight holds NaN or infinite values"),
        ]
        for (new, problem) in cases {
            let message = try Self.message(name) { _ in new }
            #expect(message.contains(problem), "\(message)")
        }
        #expect(try Self.message(name) { $0 } == "no error")
        for (formats, problem) in [
            (#"{"Q9_9": ["\#(name)"]}"#, "'\(name)': config.json says that it is of the format 'Q9_9'"),
            (#"{"BF16": ["\#(name)"]}"#, "'\(name)': config.json says that it is of the format 'BF16'"),
            (#"{"Q8_0": ["\#(name)", "\#(name)"]}"#, "is no name, or is given twice"),
            (#"{"Q8_0": [7]}"#, "'Q8_0': 7 is no name"), (#"{"Q8_0": 7}"#, "'Q8_0' is no list of tensors"),
            ("{}", "there are no 'formats'"), ("7", "there are no 'formats'"),
            (#"{"Q8_0": ["elsewhere"]}"#, "'elsewhere': missing"),
        ] {
            let message = try Self.message(name, formats) { $0 }
            #expect(message.contains(problem) && !message.contains("\n"), "\(formats): \(message)")
        }
    }

    @Test func aFormatThatThereIsNotIsNamed() throws {
        let model = try EditedModel("bert", entries: [(BaseFormat.key, .string("q3"))])
        let opened = try PretrainedModel.open(model.folder)
        let error = #expect(throws: ModelFileError.self) {
            try BaseFormat.stated(opened.config, by: opened.openBackbone())
        }
        #expect("\(try #require(error))".contains("\"q3\" is not one of bf16, q8_0, q4_k, nf4"))
    }
}
