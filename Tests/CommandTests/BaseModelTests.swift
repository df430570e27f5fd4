import Foundation
import ModelFiles
import Testing

/// Base models as other people keep them: older names of weights, half precision, configs that say more; and what is
/// written of them. transformers opens the same in scripts/interop.sh.
@Suite struct BaseModelTests {
    private static let older = [".weight": ".gamma", ".bias": ".beta"]

    private func rename(_ workspace: Workspace) throws {
        try workspace.editWeights { info, bytes in
            var name = info.name
            for (new, old) in Self.older where name.contains("LayerNorm") && name.hasSuffix(new) {
                name = name.dropLast(new.count) + old
            }
            // Some with the prefix of whole models, some without.
            if name.contains("layer.1.") { name = name.replacing("bert.", with: "") }
            return TensorToWrite(name: name, elementType: info.elementType, shape: info.shape, bytes: bytes)
        }
    }

    private func setConfig(_ workspace: Workspace, _ entries: String) throws {
        var config = try #require(try JSONValue.read(workspace.file("model/config.json")).object)
        for (key, value) in try JSONValue.parse("{\(entries)}").object?.members ?? [] { config[key] = value }
        try workspace.write(JSONValue.object(config).text(), to: "model/config.json")
    }

    private func train(_ workspace: Workspace, _ more: [String], output: String = "run") throws
        -> CommandResult
    {
        let result = try workspace.run(
            Workspace.training(output: output, steps: 3, ["--threads", "1"] + more))
        try #require(result.status == 0, "\(result.errors)")
        return result
    }

    private func export(_ workspace: Workspace, _ output: String, _ form: String = "merged") throws {
        let result = try workspace.run(["export", "run", "--to", form, "--output", output])
        try #require(result.status == 0, "\(result.errors)")
    }

    /// Other names give the same run, and what is written has today's.
    @Test func olderNamesOfWeights() throws {
        let (plain, renamed) = (try Workspace(), try Workspace())
        try rename(renamed)
        for workspace in [plain, renamed] {
            _ = try train(workspace, ["--budget", "12", "--learning-rate", "1e-2"])
            try export(workspace, "merged")
            _ = try train(workspace, ["--method", "full"], output: "full")
        }
        for file in [
            "run/adapter/adapter_model.safetensors", "merged/model.safetensors", "merged/config.json",
            "full/model/model.safetensors", "full/model/config.json",
        ] { #expect(try plain.bytes(file) == renamed.bytes(file), "\(file)") }
        let names = try TensorStore(modelFolder: renamed.file("merged")).tensors.map(\.name)
        #expect(names.contains("bert.encoder.layer.1.output.LayerNorm.weight"))
        #expect(names.allSatisfy { $0.hasPrefix("bert.") || $0.hasPrefix("classifier.") }, "\(names)")
        // The difference of a base and a tuned model under other names is that of the adapter alone.
        let extracted = try renamed.run(
            ["extract", "--base", "model", "--tuned", "merged", "--energy", "0.999", "--output", "x"])
        #expect(extracted.status == 0 && !extracted.errors.contains("lost"), "\(extracted.errors)")
    }

    /// A base with another spelling of its weights is the same base: adapters and checkpoints go on with it.
    @Test func theSameBaseUnderOtherNames() throws {
        let workspace = try Workspace()
        let start = Workspace.training(
            steps: 6, ["--budget", "12", "--checkpoint-every", "3", "--threads", "1"])
        try #require(try workspace.run(start).status == 0)
        let whole = try workspace.bytes("run/adapter-last/adapter_model.safetensors")
        try rename(workspace)
        #expect(try workspace.run(["evaluate", "run", "--data", "test.jsonl"]).status == 0)
        let resumed = try workspace.run(["train", "--resume", "run/checkpoints/step-3"])
        #expect(resumed.status == 0, "\(resumed.errors)")
        #expect(try workspace.bytes("run/adapter-last/adapter_model.safetensors") == whole)
    }

    /// Weights are written as Float32, and the config says so.
    @Test(arguments: [ElementType.bfloat16, .float16, .float64]) func otherPrecisions(type: ElementType)
        throws
    {
        let workspace = try Workspace()
        let name = [ElementType.bfloat16: "bfloat16", .float16: "float16", .float64: "float64"][type] ?? ""
        func little<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
            withUnsafeBytes(of: number.littleEndian) { Array($0) }
        }
        try workspace.editWeights { info, bytes in
            let floats = bytes.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
            let converted: [UInt8] =
                switch type {
                case .bfloat16: floats.flatMap { little($0.bitPattern).suffix(2) }
                case .float16: floats.flatMap { little(HalfBits.of($0)) }
                default: floats.flatMap { little(Double($0).bitPattern) }
                }
            return TensorToWrite(name: info.name, elementType: type, shape: info.shape, bytes: converted)
        }
        try setConfig(workspace, "\"dtype\": \"\(name)\", \"torch_dtype\": \"\(name)\"")
        _ = try train(workspace, ["--budget", "12"])
        try export(workspace, "merged")
        _ = try train(workspace, ["--method", "full"], output: "full")
        for folder in ["merged", "full/model", "full/model-last"] {
            let config = try JSONValue.read(workspace.file("\(folder)/config.json"))
            #expect(
                config["dtype"]?.string == "float32" && config["torch_dtype"]?.string == "float32",
                "\(folder)")
            let store = try TensorStore(modelFolder: workspace.file(folder))
            #expect(store.tensors.allSatisfy { $0.elementType == .float32 }, "\(folder)")
        }
    }

    /// Entries about the base's own head or code do not travel; the others do.
    @Test func whatStaysOfTheConfig() throws {
        let workspace = try Workspace()
        try setConfig(
            workspace,
            #""num_labels": 5, "_num_labels": 7, "_name_or_path": "bert-base-uncased", "finetuning_task": "mnli","#
                + #""auto_map": {"AutoModel": "m.M"}, "pruned_heads": {}, "quantization_config": null,"#
                + #""problem_type": "regression", "output_hidden_states": true, "torchscript": true, "use_cache": false"#
        )
        let result = try train(workspace, ["--budget", "12"])
        #expect(result.errors.contains("keys without a meaning here: auto_map"), "\(result.errors)")
        try export(workspace, "merged")
        _ = try train(workspace, ["--method", "full"], output: "full")
        for folder in ["merged", "full/model"] {
            let config = try JSONValue.read(workspace.file("\(folder)/config.json"))
            for key in [
                "num_labels", "_num_labels", "_name_or_path", "finetuning_task", "auto_map", "pruned_heads",
                "quantization_config",
            ] { #expect(config[key] == nil, "\(folder): \(key)") }
            #expect(config["id2label"]?.object?.count == 3 && config["label2id"]?.object?.count == 3)
            #expect(config["problem_type"]?.string == "single_label_classification")
            #expect(config["architectures"] == .array([.string("BertForSequenceClassification")]))
            #expect(config["output_hidden_states"]?.bool == true && config["torchscript"]?.bool == true)
        }
    }

    /// What an adapter is written as names the base where it is now.
    @Test func aMovedBase() throws {
        let workspace = try Workspace()
        _ = try train(workspace, ["--budget", "12"])
        try FileManager.default.moveItem(at: workspace.model, to: workspace.file("moved"))
        let result = try workspace.run(
            ["export", "run", "--model", "moved", "--to", "lora", "--output", "new/folder/lora"])
        try #require(result.status == 0, "\(result.errors)")
        let config = try JSONValue.read(workspace.file("new/folder/lora/adapter_config.json"))
        #expect(config["base_model_name_or_path"]?.string == "./moved")
        #expect(try workspace.run(["evaluate", "new/folder/lora", "--data", "test.jsonl"]).status == 0)
    }

    @Test func anUntrainedPoolerIsSaid() throws {
        let workspace = try Workspace()
        #expect(try !train(workspace, ["--budget", "12"]).errors.contains("0 throughout"))
        try workspace.editWeights { info, bytes in
            TensorToWrite(
                name: info.name, elementType: info.elementType, shape: info.shape,
                bytes: info.name == "bert.pooler.dense.bias" ? bytes.map { _ in 0 } : bytes)
        }
        let text = "bert.pooler.dense.bias is 0 throughout, as in a pooler that nobody has trained"
        let first = try train(workspace, ["--budget", "12", "--pooling", "pooler"], output: "first")
        #expect(first.errors.contains(text) && first.errors.contains("try --pooling mean"), "\(first.errors)")
        for more in [["--pooling", "mean"], ["--from-adapter", "first/adapter"]] {
            let result = try train(workspace, ["--budget", "12"] + more, output: "second" + more[0])
            #expect(!result.errors.contains(text), "\(more)")
        }
        // Left to itself a run reads the mean where nobody trained the pooler.
        let left = try train(workspace, ["--budget", "12"], output: "left")
        #expect(
            left.errors.contains("pooling mean (as nobody trained the model's pooler)"), "\(left.errors)")
    }

    /// transformers has no class that pools so: the config names the encoder, and a warning says it before training.
    @Test func aWholeModelOfOtherPooling() throws {
        let workspace = try Workspace()
        let result = try train(workspace, ["--method", "full", "--pooling", "mean"])
        #expect(result.errors.contains("have their own pooling, not mean"), "\(result.errors)")
        let config = try JSONValue.read(workspace.file("run/model/config.json"))
        #expect(config["architectures"] == .array([.string("BertModel")]))
        #expect(try workspace.run(["evaluate", "run", "--data", "test.jsonl"]).status == 0)
    }

    /// Nor has PEFT: the exported adapter says so.
    @Test func anAdapterOfOtherPooling() throws {
        let workspace = try Workspace()
        _ = try train(workspace, ["--budget", "12", "--pooling", "first"])
        let result = try workspace.run(["export", "run", "--to", "lora", "--output", "lora"])
        #expect(result.status == 0 && result.errors.contains("which has its own pooling, not first"))
    }

    /// Heads of other kinds have weights of the same name.
    @Test(arguments: ["BertForTokenClassification", "BertForMultipleChoice"])
    func extractTakesNoOtherHead(architecture: String) throws {
        let workspace = try Workspace()
        _ = try train(workspace, ["--budget", "12", "--learning-rate", "1e-2"])
        try export(workspace, "merged")
        let file = "merged/config.json"
        try workspace.write(
            try workspace.text(file).replacing("BertForSequenceClassification", with: architecture), to: file)
        let result = try workspace.run(
            ["extract", "--base", "model", "--tuned", "merged", "--energy", "0.9", "--output", "x"])
        #expect(result.status == 0 && result.output.contains("head: none"), "\(result.errors)")
        #expect(
            result.errors.contains("merged is a \(architecture), no sequence classifier"), "\(result.errors)")
    }

    /// Several scores a row are no classes.
    @Test func extractRefusesSeveralScores() throws {
        let workspace = try Workspace()
        _ = try train(workspace, ["--budget", "12", "--learning-rate", "1e-2"])
        try export(workspace, "merged")
        let file = "merged/config.json"
        let config = try workspace.text(file)
        for (problem, message) in [
            ("regression", "problem_type regression with 3 scores a row is not supported"),
            ("ranking", "'ranking' is not supported, only 'single_label_classification'"),
        ] {
            try workspace.write(config.replacing("single_label_classification", with: problem), to: file)
            let result = try workspace.run(
                ["extract", "--base", "model", "--tuned", "merged", "--energy", "0.9", "--output", "x"])
            #expect(result.status == 65 && result.errors.contains(message), "\(result.errors)")
        }
    }

    /// Folders above an output are made; those of an output that does not come about go again.
    @Test func outputsInNewFolders() throws {
        let workspace = try Workspace()
        _ = try train(workspace, ["--budget", "12", "--learning-rate", "1e-2"], output: "a/b/run")
        for (output, arguments) in [
            ("c/d/merged", ["export", "a/b/run", "--to", "merged"]),
            ("e/f/lora", ["export", "a/b/run", "--to", "lora"]),
            ("g/h/cut", ["shrink", "a/b/run", "--budget", "6"]),
            ("i/j/imported", ["import", "e/f/lora", "--model", "model", "--labels", "x,y,z"]),
            ("k/l/both", ["merge-adapters", "a/b/run", "e/f/lora", "--budget", "6", "--model", "model"]),
            ("m/n/x", ["extract", "--base", "model", "--tuned", "c/d/merged", "--budget", "6"]),
            ("o/p/page.html", ["report", "a/b/run"]),
            ("q/r/ranks.csv", ["report", "a/b/run", "--format", "csv", "--figure", "ranks"]),
        ] {
            let result = try workspace.run(arguments + ["--output", output])
            #expect(result.status == 0 && workspace.exists(output), "\(arguments): \(result.errors)")
        }
        let strict = ["export", "a/b/run", "--to", "lora", "--output", "s/t/lora", "--tolerance", "1e-30"]
        #expect(try workspace.run(strict).status == 65)
        #expect(!workspace.exists("s"))
    }

    /// Commands to go on with, as they are printed, run in a shell whatever the folder is called.
    @Test func printedCommandsRun() throws {
        let workspace = try Workspace()
        let run = "-it's a \"run\" of $HOME `x`; \\ok"
        let result = try workspace.run(
            Workspace.training(output: "./" + run, steps: 3, ["--budget", "12", "--threads", "1"]))
        try #require(result.status == 0, "\(result.errors)")
        let hints = try #require(result.errors.components(separatedBy: "\nnext: ").last)
        let commands = hints.split(separator: "\n").map {
            $0.trimmingCharacters(in: .whitespaces).replacing("FILE", with: "test.jsonl")
        }
        try #require(commands.count == 3)
        for command in commands {
            let printed = try workspace.shell("adalora() { \"$0\" \"$@\"; }; eval \"$1\"", [command])
            #expect(printed.status == 0, "\(command): \(printed.errors)")
        }
        let again = try workspace.run(Workspace.training(output: "./" + run, ["--budget", "12"]))
        let resume = try #require(again.errors.components(separatedBy: "go on with ").last)
        let printed = try workspace.shell(
            "eval \"\\\"$0\\\" train $1\"", [resume.trimmingCharacters(in: .whitespacesAndNewlines)])
        // The shell found the run, which has ended.
        #expect(
            printed.status == 64 && printed.errors.contains("there is nothing to resume"), "\(printed.errors)"
        )
    }
}

/// Float32 to Float16 by cutting off what does not fit; enough to make a file.
private enum HalfBits {
    static func of(_ value: Float) -> UInt16 {
        let bits = value.bitPattern
        let sign = UInt16(bits >> 16 & 0x8000)
        let exponent = Int(bits >> 23 & 0xFF) - 112
        guard exponent > 0 else { return sign }
        return exponent >= 31 ? sign | 0x7BFF : sign | UInt16(exponent) << 10 | UInt16(bits >> 13 & 0x3FF)
    }
}
