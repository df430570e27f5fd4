import Foundation
import ModelFiles
import Testing

/// Runs of the binary on a base in BF16, beside one with the same values in Float32.
@Suite struct HalfPrecisionTests {
    /// `model` in BF16, rounded towards 0, and `float` with the same values.
    private func workspace() throws -> Workspace {
        let workspace = try Workspace()
        try workspace.editWeights { info, bytes in
            let upper = bytes.enumerated().filter { $0.offset % 4 >= 2 }.map(\.element)
            return TensorToWrite(name: info.name, elementType: .bfloat16, shape: info.shape, bytes: upper)
        }
        try FileManager.default.copyItem(at: workspace.model, to: workspace.file("float"))
        try workspace.editTensors(workspace.file("float/model.safetensors")) { info, bytes in
            let whole: [UInt8] = stride(from: 0, to: bytes.count, by: 2).flatMap { at -> [UInt8] in
                [0, 0, bytes[at], bytes[at + 1]]
            }
            return TensorToWrite(name: info.name, elementType: .float32, shape: info.shape, bytes: whole)
        }
        return workspace
    }

    private func loss(_ workspace: Workspace, _ arguments: [String]) throws -> Double {
        let result = try workspace.run(
            ["evaluate"] + arguments + ["--data", "validation.jsonl", "--json"])
        try #require(result.status == 0, "\(result.errors)")
        return try #require(JSONValue.parse(result.output)["loss"]?.double)
    }

    /// Training, evaluation on either base, every export, whose logits are checked, and exact resumption.
    @Test func trainingOnAHalfPrecisionBase() throws {
        let workspace = try workspace()
        let options = ["--budget", "12", "--learning-rate", "0.01", "--checkpoint-every", "10"]
        for (output, more) in [("run", ["--threads", "1"]), ("again", ["--threads", "2"])] {
            let result = try workspace.run(Workspace.training(output: output, options + more))
            try #require(result.status == 0, "\(result.errors)")
        }
        let weights = "adapter-last/adapter_model.safetensors"
        let trained = try workspace.bytes("run/\(weights)")
        #expect(try workspace.bytes("again/\(weights)") == trained)
        // The base's fingerprint is that of its values: the adapter fits either, and answers alike up to the order of sums.
        let own = try loss(workspace, ["run"])
        let float = try loss(workspace, ["run", "--model", "float"])
        #expect(abs(own - float) < 1e-5, "\(own) \(float)")
        try workspace.expectSameMetrics(of: ["run", "--model", "float"], as: "run")
        for form in ["lora", "merged"] {
            let result = try workspace.run(["export", "run", "--to", form, "--output", form])
            try #require(result.status == 0, "\(form): \(result.errors)")
            try workspace.expectSameMetrics(of: form, as: "run")
        }
        let merged = try TensorStore(file: workspace.file("merged/model.safetensors"))
        #expect(merged.tensors.allSatisfy { $0.elementType == .float32 })

        try FileManager.default.removeItem(at: workspace.file("run/checkpoints/step-30"))
        let resumed = try workspace.run(["train", "--resume", "run"])
        try #require(resumed.status == 0, "\(resumed.errors)")
        #expect(try workspace.bytes("run/\(weights)") == trained)
        // The same values in another format add up in another order.
        try FileManager.default.removeItem(at: workspace.file("run/checkpoints/step-30"))
        let other = try workspace.run(["train", "--resume", "run", "--model", "float"])
        #expect(other.status == 65, "\(other.errors)")
        #expect(other.errors.contains("the number formats of the base model's weights"), "\(other.errors)")
    }

    /// Everything thaws: from equal values the same bytes, whatever format they had.
    @Test func fullFineTuningThawsEveryFormatToTheSameValues() throws {
        let workspace = try workspace()
        for model in ["model", "float"] {
            let arguments = Workspace.training(
                output: "run-\(model)", steps: 12, ["--method", "full", "--model", model])
            let result = try workspace.run(arguments)
            try #require(result.status == 0, "\(result.errors)")
        }
        let weights = "model-last/model.safetensors"
        #expect(try workspace.bytes("run-model/\(weights)") == workspace.bytes("run-float/\(weights)"))
    }

    /// An adapter out of the difference of two checkpoints, one of them in BF16.
    @Test func extractionReadsBothFormats() throws {
        let workspace = try workspace()
        try workspace.editTensors(workspace.file("float/model.safetensors")) { info, bytes in
            var bytes = bytes
            if info.name.hasSuffix("encoder.layer.1.output.dense.weight") { bytes[3] ^= 0x80 }
            return TensorToWrite(name: info.name, elementType: .float32, shape: info.shape, bytes: bytes)
        }
        let result = try workspace.run(
            ["extract", "--base", "model", "--tuned", "float", "--budget", "1", "--output", "adapter"])
        try #require(result.status == 0, "\(result.errors)")
        let store = try TensorStore(file: workspace.file("adapter/adapter_model.safetensors"))
        let adapted = store.tensors.filter { $0.name.contains("lora_B") && $0.shape[1] > 0 }
        #expect(adapted.count == 1 && adapted[0].name.contains("layer.1.output.dense"), "\(adapted)")
    }
}
