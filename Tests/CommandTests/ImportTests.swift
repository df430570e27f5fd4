import Foundation
import ModelFiles
import Testing

/// `adalora import`: adapters as PEFT wrote them.
@Suite struct ImportTests {
    /// The trained AdaLoRA adapter of the goldens, saved by PEFT 0.21 on the workspace's model.
    private static let golden = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Goldens/adalora/peft_adapter")

    private func workspace() throws -> Workspace {
        let workspace = try Workspace()
        try FileManager.default.copyItem(at: Self.golden, to: workspace.file("peft"))
        return workspace
    }

    private func configure(_ workspace: Workspace, _ change: (inout JSONObject) -> Void) throws {
        let file = workspace.file("peft/adapter_config.json")
        var config = try #require(try JSONValue.read(file).object)
        change(&config)
        try Data(JSONValue.object(config).text().utf8).write(to: file)
    }

    @Test func anAdapterOfPEFTWorksHere() throws {
        let workspace = try workspace()
        let arguments = ["import", "peft", "--model", "model", "--labels", "a,b,c,d,e", "--output", "mine"]
        let result = try workspace.run(arguments)
        try #require(result.status == 0, "\(result.errors)")
        #expect(result.output.contains("AdaLoRA") && result.output.contains("5 classes"), "\(result.output)")
        let predicted = try workspace.run(["predict", "mine", "--data", "test.jsonl"])
        #expect(predicted.status == 0 && predicted.output.split(separator: "\n").count == 24)
        let exported = try workspace.run(["export", "mine", "--to", "lora", "--output", "lora"])
        #expect(exported.status == 0, "\(exported.errors)")
        // LoRA comes back, as it is and in SVD form, with the same answers.
        for form in [[], ["--svd"]] {
            let name = "back\(form.count)"
            let back = try workspace.run(
                ["import", "lora", "--model", "model", "--labels", "a,b,c,d,e", "--output", name] + form)
            try #require(back.status == 0, "\(back.errors)")
            let answers = try workspace.run(["predict", name, "--data", "test.jsonl"])
            for (line, other) in zip(
                answers.output.split(separator: "\n"), predicted.output.split(separator: "\n"))
            {
                let first = try JSONValue.parse(String(line))["probabilities"]?["a"]?.double
                let second = try JSONValue.parse(String(other))["probabilities"]?["a"]?.double
                #expect(abs(try #require(first) - (try #require(second))) < 1e-5)
            }
        }
        let cut = try workspace.run(["shrink", "back0", "--budget", "6", "--output", "cut"])
        #expect(cut.status == 0, "\(cut.errors)")
    }

    /// alpha_k / r_k by pattern, or over √r: twice the alpha gives twice the update.
    @Test func patternsAndRootScale() throws {
        let workspace = try workspace()
        let labels = ["--model", "model", "--labels", "a,b,c,d,e"]
        try workspace.run(["import", "peft"] + labels + ["--output", "mine"])
        try workspace.run(["export", "mine", "--to", "lora", "--ragged", "--output", "lora"])
        let file = workspace.file("lora/adapter_config.json")
        let config = try #require(try JSONValue.read(file).object)
        func answers(_ name: String, _ change: (inout JSONObject) -> Void) throws -> String {
            var changed = config
            change(&changed)
            try Data(JSONValue.object(changed).text().utf8).write(to: file)
            let result = try workspace.run(["import", "lora"] + labels + ["--output", name])
            try #require(result.status == 0, "\(result.errors)")
            return try workspace.run(["predict", name, "--data", "test.jsonl"]).output
        }
        let plain = try answers("plain") { _ in }
        let patterned = try answers("patterned") { config in
            var alphas = config["alpha_pattern"]?.object ?? JSONObject()
            alphas["query"] = .number(100)
            config["alpha_pattern"] = .object(alphas)
        }
        let root = try answers("root") { $0["use_rslora"] = .bool(true) }
        #expect(Set([plain, patterned, root]).count == 3)
        #expect(try answers("again") { _ in } == plain)
    }

    @Test(arguments: [
        ("peft_type", JSONValue.string("VERA"), "none of ADALORA, LORA"),
        ("use_dora", .bool(true), "lora_magnitude_vector: the tensor is missing"),
        ("bias", .string("all"), "biases of the base"),
        ("target_parameters", .array([.string("x.weight")]), "adapts parameters that are no module"),
        ("use_moonlora", .bool(true), "a field that is not known here is set"),
        ("init_lora_weights", .string("pissa_niter_4"), "changes the base's weights"),
        ("lora_alpha", .null, "missing"), ("fan_in_fan_out", .string("no"), "neither true nor false"),
    ])
    func whatWouldMeanSomethingElseIsAnError(key: String, value: JSONValue, message: String) throws {
        let workspace = try workspace()
        try configure(workspace) { $0[key] = value }
        let result = try workspace.run(
            ["import", "peft", "--model", "model", "--labels", "a,b,c,d,e", "--output", "mine"])
        // A tensor that is not there is a missing input.
        let status: Int32 = message.hasSuffix("tensor is missing") ? 66 : 65
        #expect(result.status == status && result.errors.contains(message), "\(result.errors)")
        #expect(result.errorLines.count == 1 && !workspace.exists("mine"))
    }

    /// The pooler, norms and biases change too: every command keeps them, or says by name that it cannot.
    @Test func whatChangesMoreThanMatrices() throws {
        let workspace = try Workspace()
        let parts = Self.golden.deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("parts")
        for kind in ["all", "encoder"] {
            try FileManager.default.copyItem(
                at: parts.appendingPathComponent("bert-\(kind)"), to: workspace.file(kind))
        }
        let imported = try workspace.run(
            ["import", "all", "--model", "model", "--labels", "a,b,c,d,e", "--output", "mine"])
        try #require(imported.status == 0, "\(imported.errors)")
        #expect(
            imported.errors.contains("also changes bert.embeddings.LayerNorm, ")
                && imported.errors.contains("12 biases of matrices: these are kept whole"),
            "\(imported.errors)")
        func answers(_ name: String) throws -> [Double] {
            let result = try workspace.run(["predict", name, "--data", "test.jsonl"])
            try #require(result.status == 0, "\(result.errors)")
            return try result.output.split(separator: "\n").map {
                try #require(try JSONValue.parse(String($0))["probabilities"]?["a"]?.double)
            }
        }
        let expected = try answers("mine")
        for (name, command) in [
            ("lora", ["export", "mine", "--to", "lora"]),
            ("ada", ["export", "mine", "--to", "peft-adalora"]),
            ("merged", ["export", "mine", "--to", "merged"]), ("cut", ["shrink", "mine", "--budget", "500"]),
        ] {
            let result = try workspace.run(command + ["--output", name])
            try #require(result.status == 0, "\(result.errors)")
            // Float32 products in another order: 1e-6 on models of this size.
            for (own, other) in zip(expected, try answers(name)) { #expect(abs(own - other) < 1e-5) }
        }
        for (command, message) in [
            (
                ["merge-adapters", "mine", "mine", "--model", "model", "--budget", "4", "--output", "new"],
                "cannot be merged"
            ),
            (Workspace.training(output: "new", ["--from-adapter", "mine", "--budget", "4"]), "--to merged"),
            (
                ["import", "encoder", "--model", "model", "--output", "new"],
                "encoder --head-start fresh"
            ),
        ] {
            let result = try workspace.run(command)
            #expect(result.status == 64 && result.errors.contains(message), "\(result.errors)")
            #expect(result.errorLines.count == 1 && !workspace.exists("new"))
        }
    }

    @Test func labelsMustFit() throws {
        let workspace = try workspace()
        let start = ["import", "peft", "--model", "model", "--output", "mine"]
        let few = try workspace.run(start + ["--labels", "a,b"])
        #expect(few.status == 64 && few.errors.contains("5 outputs"), "\(few.errors)")
        let none = try workspace.run(start)
        #expect(none.status == 0 && none.errors.contains("LABEL_0 to LABEL_4"), "\(none.errors)")
        let again = try workspace.run(start)
        #expect(again.status == 64 && again.errors.contains("already exists"), "\(again.errors)")
    }

    /// Tensors that this model has no place for, and an adapter of another model.
    @Test func anotherBaseIsAnError() throws {
        let workspace = try workspace()
        let file = workspace.file("peft/adapter_model.safetensors")
        let store = try TensorStore(file: file)
        func tensors(_ rename: (String) -> String, cut: Int) throws -> [TensorToWrite] {
            try store.tensors.map { info in
                var values = [Float](repeating: 0, count: info.elementCount)
                try values.withUnsafeMutableBufferPointer { try store.copyFloat32(info.name, into: $0) }
                var shape = info.shape
                if cut > 0, info.name.hasSuffix("lora_A"), let rank = shape.first {
                    shape[1] -= cut
                    values.removeLast(cut * rank)
                }
                return TensorToWrite(name: rename(info.name), shape: shape, values: values)
            }
        }
        for (tensors, message) in [
            (
                try tensors({ $0.replacingOccurrences(of: "layer.1.", with: "layer.7.") }, cut: 0),
                "target_modules"
            ),
            (try tensors({ $0 }, cut: 1), "this model needs"),
            (try tensors({ $0.replacingOccurrences(of: "lora_E", with: "lora_F") }, cut: 0), "missing"),
        ] {
            try SafetensorsWriter.write(tensors, metadata: ["format": "pt"], to: file)
            let result = try workspace.run(["import", "peft", "--model", "model", "--output", "mine"])
            #expect([65, 66].contains(result.status) && result.errors.contains(message), "\(result.errors)")
            #expect(!workspace.exists("mine"))
        }
    }
}
