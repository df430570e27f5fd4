import Datasets
import Experiments
import Foundation
import ModelFiles
import Testing

@Suite struct InputFingerprintTests {
    private static let vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "cat"]

    /// Of a model that reads texts, no file of rows is asked for its images.
    private static func noRows(_ path: String) throws -> Dataset {
        try #require(Bool(false), "\(path) is read")
        return Dataset(examples: [], file: path)
    }

    /// A model's folder without weights: its files are looked at one by one.
    private static func prints(_ more: [String: String]) throws -> [String: String] {
        let folder = Samples.temporaryFolder()
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let files = [
            "config.json": #"{"model_type":"bert"}"#, "vocab.txt": vocabulary.joined(separator: "\n"),
            "tokenizer_config.json": #"{"do_lower_case":true,"unk_token":"[UNK]"}"#,
            "model.safetensors": "weights", "README.md": "read me",
        ].merging(more) { $1 }
        for (name, text) in files {
            try Data(text.utf8).write(to: folder.appendingPathComponent(name))
        }
        return try InputFingerprints.of(model: folder.path, files: [], .earlier, rows: Self.noRows)
    }

    /// What says the same as the files that ids were always made of leaves them; what says something new does not.
    @Test(
        arguments: [
            (["special_tokens_map.json": #"{"unk_token":"[UNK]","mask_token":"[MASK]"}"#], false),
            (["special_tokens_map.json": #"{"unk_token":"cat"}"#], true),
            (["special_tokens_map.json": #"{"extra_special_tokens":["<x>"]}"#], true),
            (["special_tokens_map.json": "{"], true),
            (["added_tokens.json": #"{"<x>":7}"#], true),
            (["vocab.json": "{}", "merges.txt": ""], false),
            // What settles the added tokens leaves nothing for the others to say.
            (
                [
                    "tokenizer_config.json": #"{"added_tokens_decoder":{}}"#,
                    "special_tokens_map.json": #"{"unk_token":"cat"}"#, "added_tokens.json": #"{"<x>":7}"#,
                ], false
            ),
        ] as [([String: String], Bool)])
    func filesCountWhereTheyDecide(more: [String: String], count: Bool) throws {
        let first = ["config.json", "model.safetensors", "tokenizer_config.json", "vocab.txt"]
        let added = count ? more.keys.filter { $0 != "tokenizer_config.json" } : []
        let names = (first + added).map { "model/\($0)" }.sorted()
        #expect(try Self.prints(more).keys.sorted() == names)
    }

    /// A model that is a GGUF counts by its file.
    @Test func anotherGGUFIsAnotherModel() throws {
        let file = Samples.temporaryFolder().appendingPathExtension("gguf")
        defer { try? FileManager.default.removeItem(at: file) }
        func prints(_ name: String) throws -> [String: String] {
            try GGUFWriter.write(
                metadata: [("general.architecture", .string("llama")), ("general.name", .string(name))],
                tensors: [], to: file)
            return try InputFingerprints.of(model: file.path, files: [], .sha256, rows: Self.noRows)
        }
        let one = try prints("one")
        #expect(one.keys.sorted() == ["model/\(file.lastPathComponent)"])
        #expect(try one != prints("another") && one == prints("one"))
    }

    @Test func otherFilesGiveOtherPrints() throws {
        func map(_ token: String) throws -> [String: String] {
            try Self.prints(["special_tokens_map.json": "{\"unk_token\":\"\(token)\"}"])
        }
        #expect(try map("cat") != map("a") && map("[UNK]") == Self.prints([:]))
    }

    /// A list of images is another one when an image that it names is; a model that reads texts knows only the list.
    @Test func otherImagesUnderTheSameListGiveOtherPrints() throws {
        let folder = Samples.temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        func file(_ name: String) -> URL { folder.appendingPathComponent(name) }
        try FileManager.default.createDirectory(at: file("model"), withIntermediateDirectories: true)
        let list = file("rows.csv")
        try Data("image,label\na.png,x\nb.png,y\n".utf8).write(to: list)
        // The first bytes alone tell that a file is a PNG: nothing is decoded here.
        let start: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
        for name in ["a.png", "b.png"] { try Data(start + Array(name.utf8)).write(to: file(name)) }
        func prints(_ type: String) throws -> [String: String] {
            try Data("{\"model_type\":\"\(type)\"}".utf8).write(to: file("model/config.json"))
            return try InputFingerprints.of(
                model: file("model").path, files: [("train", list.path)], .earlier
            ) { try Dataset.read(URL(fileURLWithPath: $0), form: .images, requireLabels: true) }
        }
        let (images, texts) = (try prints("vit")["train"], try prints("bert")["train"])
        #expect(try prints("vit")["train"] == images)
        #expect(try texts == Fingerprint.of(file: list, .earlier) && images != texts)
        try Data(start + Array("another".utf8)).write(to: file("b.png"))
        #expect(try prints("vit")["train"] != images)
        #expect(try prints("bert")["train"] == texts)
    }
}
