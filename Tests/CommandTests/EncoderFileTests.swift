import Foundation
import ModelFiles
import Testing

/// `adalora export --to gguf` of encoders; llama.cpp opens such files in scripts/interop.sh.
@Suite struct EncoderFileTests {
    private static func cosine(_ output: String) throws -> Double {
        let told = try #require(
            output.firstMatch(of: /([0-9.]+) on average, ([0-9.]+) at least/), "\(output)")
        return try #require(Double(told.2))
    }

    /// A folder without a classifier gives embeddings; how rows become one is said, or that nobody does.
    @Test func aFolderGivesEmbeddings() throws {
        let workspace = try Workspace()
        try workspace.changeConfig { $0["architectures"] = .array([.string("BertModel")]) }
        let silent = try workspace.run(["export", "model", "--to", "gguf", "--output", "silent.gguf"])
        try #require(silent.status == 0, "\(silent.errors)")
        #expect(silent.errors.contains("does not say how rows become one"))
        #expect(silent.errors.contains("llama.cpp gives every token type 0"))
        #expect(try Self.cosine(silent.output) > 0.999_999)
        #expect(try !GGUFFile(workspace.file("silent.gguf")).metadata.has("bert.pooling_type"))

        try FileManager.default.createDirectory(
            at: workspace.file("model/1_Pooling"), withIntermediateDirectories: true)
        try workspace.write(#"{"pooling_mode": "cls"}"#, to: "model/1_Pooling/config.json")
        try workspace.write(
            #"[{"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"}, {"type": "a.Dense", "path": "2"}]"#,
            to: "model/modules.json")
        let stated = try workspace.run([
            "export", "model", "--to", "gguf", "--merged-type", "q8_0", "--text", "test.jsonl", "--output",
            "stated.gguf",
        ])
        try #require(stated.status == 0, "\(stated.errors)")
        #expect(stated.errors.contains("has 'Dense' behind the pooling"), "\(stated.errors)")
        #expect(stated.output.contains(", 24 texts of "), "\(stated.output)")
        // Random weights of 32 columns; the figure must be one of rounding.
        let cosine = try Self.cosine(stated.output)
        #expect(cosine > 0.99 && cosine < 0.999_999_9)
        #expect(try GGUFFile(workspace.file("stated.gguf")).metadata.int("bert.pooling_type") == 2)
    }

    /// The classifier of a run stands in the file, with its labels, and answers as the run does.
    @Test func aClassifierGoesAlong() throws {
        let workspace = try Workspace()
        let trained = try workspace.run(Workspace.training(["--budget", "12", "--pooling", "pooler"]))
        try #require(trained.status == 0, "\(trained.errors)")
        let exported = try workspace.run([
            "export", "run", "--to", "gguf", "--text", "validation.jsonl", "--output", "run.gguf",
        ])
        try #require(exported.status == 0, "\(exported.errors)")
        let told = try #require(
            exported.output.firstMatch(of: /loss on .*: ([0-9.]+) before rounding, ([0-9.]+) in the file/),
            "\(exported.output)")
        #expect(told.1 == told.2)
        let file = try GGUFFile(workspace.file("run.gguf"))
        #expect(try file.metadata.int("bert.pooling_type") == 4)
        #expect(try file.metadata.strings("bert.classifier.output_labels") == Workspace.labels)
        #expect(file.tensor("cls.output.weight")?.shape == [3, 32] && file.tensor("cls.weight") != nil)
        let texts = try workspace.run([
            "export", "run", "--to", "gguf", "--text", "page.txt", "--output", "x.gguf",
        ])
        #expect(texts.status == 64 && texts.errors.contains("compared on rows with labels"))
    }

    /// One that llama.cpp has no place for stays out, which is told; one of tokens is refused.
    @Test func otherHeadsAreTold() throws {
        let workspace = try Workspace()
        let trained = try workspace.run(Workspace.training(["--budget", "12", "--pooling", "mean"]))
        try #require(trained.status == 0, "\(trained.errors)")
        let exported = try workspace.run(["export", "run", "--to", "gguf", "--output", "run.gguf"])
        try #require(exported.status == 0, "\(exported.errors)")
        #expect(exported.errors.contains("the classifier (classifier) stays out of the file"))
        let file = try GGUFFile(workspace.file("run.gguf"))
        #expect(try file.metadata.int("bert.pooling_type") == 1)
        #expect(!file.names.contains { $0.hasPrefix("cls.") })
        let lora = try workspace.run(["export", "run", "--to", "gguf-lora", "--output", "lora.gguf"])
        #expect(lora.status == 64 && lora.errors.contains("has a head of its own"))
    }

    /// A file that was written is trained on and written again.
    @Test func aFileIsABase() throws {
        let workspace = try Workspace()
        let base = try workspace.run(["export", "model", "--to", "gguf", "--output", "base.gguf"])
        try #require(base.status == 0, "\(base.errors)")
        // The golden is a classifier of five labels.
        #expect(try GGUFFile(workspace.file("base.gguf")).metadata.int("bert.pooling_type") == 4)
        var training = Workspace.training(["--budget", "12", "--pooling", "pooler"])
        let place = try #require(training.firstIndex(of: "model"))
        training[place] = "base.gguf"
        let trained = try workspace.run(training)
        try #require(trained.status == 0, "\(trained.errors)")
        let again = try workspace.run(["export", "run", "--to", "gguf", "--output", "again.gguf"])
        try #require(again.status == 0, "\(again.errors)")
        let (old, new) = (
            try GGUFFile(workspace.file("base.gguf")), try GGUFFile(workspace.file("again.gguf"))
        )
        #expect(Set(old.names) == Set(new.names))
        #expect(new.tensor("cls.output.weight")?.shape == [3, 32])
        #expect(try new.metadata.strings("bert.classifier.output_labels") == Workspace.labels)
        #expect(
            try old.metadata.strings("tokenizer.ggml.tokens") == new.metadata.strings("tokenizer.ggml.tokens")
        )
        let kept = try #require(old.tensor("token_embd.weight"))
        let same = try #require(new.tensor("token_embd.weight"))
        #expect(kept.isSame(as: same))
    }
}

extension Workspace {
    fileprivate func changeConfig(_ change: (inout JSONObject) -> Void) throws {
        var config = try #require(try JSONValue.read(file("model/config.json")).object)
        change(&config)
        try write(String(decoding: JSONValue.object(config).bytes(), as: UTF8.self), to: "model/config.json")
    }
}
