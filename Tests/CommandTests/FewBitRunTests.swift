import Foundation
import GoldenFiles
import ModelFiles
import Testing

/// Files of few bits a weight that are written here: whole models, models in parts, and what a base kept in few bits becomes.
@Suite struct FewBitRunTests {
    private static let (hidden, inner, words) = (256, 512, 272)

    /// With a folder `wide`, whose rows are whole blocks of 256, and the tiny Llama as `llama`.
    private static func workspace() throws -> Workspace {
        let workspace = try Workspace()
        try FileManager.default.copyItem(at: Golden.url("llama/model"), to: workspace.file("llama"))
        let wide = workspace.file("wide")
        try FileManager.default.createDirectory(at: wide, withIntermediateDirectories: true)
        for name in ["tokenizer.json", "tokenizer_config.json"] {
            try FileManager.default.copyItem(
                at: Golden.url("llama/model/\(name)"), to: wide.appendingPathComponent(name))
        }
        try workspace.write(
            """
            {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": \(words), "hidden_size": \(hidden),
             "num_hidden_layers": 1, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 64,
             "intermediate_size": \(inner), "hidden_act": "silu", "max_position_embeddings": 64, "rms_norm_eps": 1e-5,
             "tie_word_embeddings": true, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2}
            """, to: "wide/config.json")
        let matrices = [
            ("embed_tokens", words, hidden), ("layers.0.self_attn.q_proj", hidden, hidden),
            ("layers.0.self_attn.k_proj", hidden / 2, hidden),
            ("layers.0.self_attn.v_proj", hidden / 2, hidden),
            ("layers.0.self_attn.o_proj", hidden, hidden), ("layers.0.mlp.gate_proj", inner, hidden),
            ("layers.0.mlp.up_proj", inner, hidden), ("layers.0.mlp.down_proj", hidden, inner),
        ]
        var state: UInt32 = 1
        var tensors = matrices.map { name, rows, columns in
            let values = (0..<rows * columns).map { _ in
                state = state &* 1_664_525 &+ 1_013_904_223
                return (Float(state >> 8) / Float(1 << 24) - 0.5) / 4
            }
            return Self.tensor(name, [rows, columns], values)
        }
        tensors += ["norm", "layers.0.input_layernorm", "layers.0.post_attention_layernorm"].map {
            Self.tensor($0, [hidden], [Float](repeating: 1, count: hidden))
        }
        try SafetensorsWriter.write(
            tensors, metadata: [:], to: wide.appendingPathComponent("model.safetensors"))
        func rows(_ range: Range<Int>) -> String {
            range.map { "{\"text\": \"the cat \($0) sat on the mat and saw \($0 % 7) dogs\"}\n" }.joined()
        }
        try workspace.write(rows(0..<60), to: "texts.jsonl")
        try workspace.write(rows(60..<80), to: "held.jsonl")
        return workspace
    }

    private static func tensor(_ name: String, _ shape: [Int], _ values: [Float]) -> TensorToWrite {
        TensorToWrite(
            name: "model.\(name).weight", elementType: .float32, shape: shape,
            bytes: values.withUnsafeBytes(Array.init))
    }

    private static func run(_ workspace: Workspace, _ arguments: [String]) throws -> CommandResult {
        let result = try workspace.run(arguments)
        try #require(result.status == 0, "\(arguments): \(result.errors)")
        return result
    }

    private static func train(
        _ workspace: Workspace, _ model: String, _ output: String, _ more: [String] = []
    )
        throws
    {
        _ = try run(
            workspace,
            [
                "train", "--model", model, "--task", "causal-lm", "--train", "texts.jsonl", "--validation",
                "held.jsonl", "--average-rank", "2", "--learning-rate", "0.01", "--max-length", "60",
                "--batch-size", "8", "--steps", "12", "--output", output,
            ] + more)
    }

    private static func loss(_ workspace: Workspace, _ run: String) throws -> Double {
        let result = try Self.run(workspace, ["evaluate", run, "--data", "held.jsonl", "--json"])
        return try #require(try JSONValue.parse(result.output)["loss"]?.double)
    }

    /// What `--text` tells of the losses before and after rounding.
    private static func losses(_ output: String) throws -> (before: Double, after: Double) {
        let told = try #require(output.firstMatch(of: /\(loss ([0-9.]+), ([0-9.]+)\)/), "\(output)")
        return (try #require(Double(told.1)), try #require(Double(told.2)))
    }

    /// A folder becomes a file of Q4_K, which trains, and whose adapter goes into its weights.
    @Test func fromAFolderToAFileOfFourBitsAndOn() throws {
        let workspace = try Self.workspace()
        let written = try Self.run(
            workspace,
            [
                "export", "wide", "--to", "gguf", "--merged-type", "q4_k", "--text", "held.jsonl", "--output",
                "four.gguf",
            ])
        // Uniform weights in steps of 15 levels are off by about a twelfth of a step.
        let error = try #require(
            written.output.firstMatch(
                of: /6 tensors written as Q4_K, off by ([0-9.]+) of their size on average/))
        #expect((0.03...0.1).contains(try #require(Double(error.1))), "\(written.output)")
        let file = try GGUFFile(workspace.file("four.gguf"))
        for info in file.tensors {
            // As llama.cpp's Q4_K_S
            let others = ["token_embd.weight": "Q6_K", "blk.0.attn_v.weight": "Q5_K"]
            let wanted = info.shape.count == 1 ? "F32" : others[info.name] ?? "Q4_K"
            #expect(info.type.name == wanted, "\(info.name)")
        }
        let told = try Self.losses(written.output)
        #expect(told.before != told.after && abs(told.after / told.before - 1) < 0.05)

        try Self.train(workspace, "four.gguf", "run")
        let loss = try Self.loss(workspace, "run")
        #expect(loss < 0.9 * told.after)
        for (type, format) in [("own", "Q4_K"), (nil, "Q8_0"), ("f32", "F32")] as [(String?, String)] {
            let name = "whole-\(format).gguf"
            let whole = try Self.run(
                workspace,
                ["export", "run", "--to", "gguf", "--text", "held.jsonl", "--output", name]
                    + (type.map { ["--merged-type", $0] } ?? []))
            // Matrices of rank 0 stay as they were; which ones is the run's affair.
            let formats = Set(
                try GGUFFile(workspace.file(name)).tensors.filter { $0.shape.count > 1 }.map(\.type.name))
            #expect(
                formats.contains(format) && formats.isSubset(of: ["Q4_K", "Q5_K", "Q6_K", format]),
                "\(formats)")
            #expect(whole.errors.contains("may round away what the adapter learned") == (format == "Q4_K"))
            let told = try Self.losses(whole.output)
            #expect(abs(told.before - loss) < 1e-4)
            // Eight bits leave what was learned, with F32 nothing is rounded.
            if format != "Q4_K" { #expect(abs(told.after - loss) < (format == "F32" ? 1e-4 : 0.02 * loss)) }
        }
    }

    /// A base that `llama-gguf-split` cut in parts is the model in one file, and what is made of it is one file.
    @Test func aBaseInParts() throws {
        let workspace = try Self.workspace()
        _ = try Self.run(
            workspace, ["export", "wide", "--to", "gguf", "--merged-type", "q4_k", "--output", "four.gguf"])
        try Self.split(workspace.file("four.gguf"), into: workspace.file("parts"))
        let first = "parts/four-00001-of-00002.gguf"
        for (model, run) in [("four.gguf", "run-whole"), (first, "run-parts")] {
            try Self.train(workspace, model, run)
            _ = try Self.run(workspace, ["export", run, "--to", "gguf", "--output", "\(run).gguf"])
        }
        #expect(try workspace.bytes("run-parts.gguf") == workspace.bytes("run-whole.gguf"))
        let metadata = try GGUFFile(workspace.file("run-parts.gguf")).metadata
        #expect(!metadata.keys.contains { $0.hasPrefix("split.") })
        // An adapter of one goes onto the other.
        _ = try Self.run(
            workspace,
            ["export", "run-whole", "--to", "gguf", "--model", first, "--output", "crossed.gguf"])
        #expect(try workspace.bytes("crossed.gguf") == workspace.bytes("run-whole.gguf"))
    }

    /// As `llama-gguf-split` does: all keys in the first part.
    private static func split(_ url: URL, into folder: URL) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let file = try GGUFFile(url)
        let half = file.tensors.count / 2
        for (part, tensors) in [file.tensors[..<half], file.tensors[half...]].enumerated() {
            var keys: [(key: String, value: GGUFValue)] = [
                ("split.no", .uint16(UInt16(part))), ("split.count", .uint16(2)),
                ("split.tensors.count", .int32(Int32(file.tensors.count))),
            ]
            if part == 0 {
                keys += try file.metadata.keys.map { ($0, try #require(try file.metadata.value($0))) }
            }
            try GGUFWriter.write(
                metadata: keys,
                tensors: try tensors.map {
                    GGUFTensorToWrite(
                        name: $0.name, type: $0.type, copying: try #require(file.tensor($0.name)))
                }, to: folder.appendingPathComponent("four-0000\(part + 1)-of-00002.gguf"))
        }
    }

    /// Over a base kept in few bits the model that was trained is written, not the folder's; a LoRA meets other weights, which is
    /// said.
    @Test(arguments: ["nf4", "q4_k"]) func ofABaseKeptInFewBits(_ format: String) throws {
        let workspace = try Self.workspace()
        // 24 columns are no blocks of Q4_K.
        let model = format == "nf4" ? "llama" : "wide"
        try Self.train(workspace, model, "run", ["--base-format", format])
        let loss = try Self.loss(workspace, "run")
        let whole = try Self.run(
            workspace,
            [
                "export", "run", "--to", "gguf", "--merged-type", "f32", "--text", "held.jsonl", "--output",
                "whole.gguf",
            ])
        #expect(whole.errors.contains("the base as it was kept for training, \(format)"), "\(whole.errors)")
        let told = try Self.losses(whole.output)
        #expect(abs(told.before - loss) < 1e-4 && abs(told.after - loss) < 1e-4, "\(told), \(loss)")
        // The words have no adapter: those of Q4_K are the packed ones, which are near the folder's; NF4 leaves them alone.
        _ = try Self.run(
            workspace,
            ["export", model, "--to", "gguf", "--merged-type", "f32", "--output", "folder.gguf"])
        let (kept, own) = (
            try Self.words(workspace, "whole.gguf"), try Self.words(workspace, "folder.gguf")
        )
        let error = zip(kept, own).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        let size = own.reduce(0) { $0 + $1 * $1 }
        let expected: ClosedRange<Float> = format == "nf4" ? 0...0 : 0.02...0.15
        #expect(expected.contains((error / size).squareRoot()), "\(error), \(size)")

        let lora = try Self.run(
            workspace, ["export", "run", "--to", "gguf-lora", "--output", "lora.gguf"])
        #expect(lora.errors.contains("trained over a base kept as \(format)"), "\(lora.errors)")
    }

    private static func words(_ workspace: Workspace, _ file: String) throws -> [Float] {
        let opened = try GGUFFile(workspace.file(file))
        let info = try #require(opened.info("token_embd.weight"))
        var values = [Float](repeating: 0, count: info.elementCount)
        try values.withUnsafeMutableBufferPointer {
            try opened.copyFloat32("token_embd.weight", into: $0)
        }
        return values
    }
}
