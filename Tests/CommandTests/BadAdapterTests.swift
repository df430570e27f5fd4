import Foundation
import ModelFiles
import Testing

/// One way in which an adapter is wrong, and what every command that opens it says.
struct BadAdapter: Sendable, CustomTestStringConvertible {
    let name: String
    let status: Int32
    let mentions: [String]
    /// Spoils the folder `bad`: the adapter of a run, or with PEFT's files alone
    let spoil: @Sendable (Workspace) throws -> Void
    /// Whether the fault can only be seen in what PEFT wrote: elsewhere the base's fingerprint tells more.
    var isPEFTsOnly = false

    var testDescription: String { name }

    static let all = [
        BadAdapter(
            name: "of another base, by shape", status: 65, mentions: ["lora_", "shape", "this model needs"],
            spoil: { workspace in
                try edit(workspace) { info, bytes in
                    guard info.name.hasSuffix("lora_A"), let rank = info.shape.first, rank > 0 else {
                        return plain(info, bytes)
                    }
                    return TensorToWrite(
                        name: info.name, elementType: info.elementType, shape: [rank, info.shape[1] / 2],
                        bytes: Array(bytes.prefix(bytes.count / 2)))
                }
            }),
        BadAdapter(
            name: "of another base, by name", status: 65,
            mentions: ["base_model_name_or_path", "bert-large-cased", "--any-base-name"],
            spoil: {
                try configure($0) { $0["base_model_name_or_path"] = .string("google/bert-large-cased") }
            },
            isPEFTsOnly: true),
        BadAdapter(
            name: "of an unknown type", status: 65,
            mentions: ["peft_type", "VERA", "none of ADALORA, LORA"],
            spoil: { try configure($0) { $0["peft_type"] = .string("VERA") } }),
        BadAdapter(
            name: "without one tensor", status: 66, mentions: ["layer.1.output.dense.lora_E", "missing"],
            spoil: { try edit($0) { $0.name.hasSuffix("layer.1.output.dense.lora_E") ? nil : plain($0, $1) } }
        ),
        BadAdapter(
            name: "without a module", status: 66,
            mentions: ["layer.1.output.dense.lora_A", "missing, though target_modules names"],
            spoil: { try edit($0) { $0.name.contains("layer.1.output.dense.lora_") ? nil : plain($0, $1) } }),
        BadAdapter(
            name: "with a tensor more", status: 65, mentions: ["layer.7.output.dense.lora_A", "no place"],
            spoil: { workspace in
                let file = workspace.file("bad/adapter_model.safetensors")
                let store = try TensorStore(file: file)
                let extra = TensorToWrite(
                    name: "base_model.model.bert.encoder.layer.7.output.dense.lora_A", shape: [1], values: [1]
                )
                try SafetensorsWriter.write(
                    try store.tensors.map { plain($0, try store.bytes($0.name)) } + [extra],
                    metadata: store.metadata, to: file)
            }),
        BadAdapter(
            name: "with NaN inside", status: 65, mentions: ["lora_B", "NaN"],
            spoil: { workspace in
                try edit(workspace) { info, bytes in
                    guard info.name.hasSuffix("lora_B"), bytes.count >= 4 else { return plain(info, bytes) }
                    let nan = withUnsafeBytes(of: Float.nan.bitPattern.littleEndian) { Array($0) }
                    return TensorToWrite(
                        name: info.name, elementType: info.elementType, shape: info.shape,
                        bytes: nan + bytes.dropFirst(4))
                }
            }),
        BadAdapter(
            name: "with other ranks than it says", status: 65,
            mentions: ["has rank", "adapter_config.json says 8"],
            spoil: { try configure($0) { $0["rank_pattern"] = .object(JSONObject()) } }),
        BadAdapter(
            name: "cut short", status: 65, mentions: ["adapter_model.safetensors"],
            spoil: { workspace in
                let file = "bad/adapter_model.safetensors"
                try workspace.bytes(file).dropLast(64).write(to: workspace.file(file))
            }),
    ]

    private static func plain(_ info: TensorInfo, _ bytes: [UInt8]) -> TensorToWrite {
        TensorToWrite(name: info.name, elementType: info.elementType, shape: info.shape, bytes: bytes)
    }

    private static func edit(
        _ workspace: Workspace, _ change: (TensorInfo, [UInt8]) -> TensorToWrite?
    ) throws {
        try workspace.editTensors(workspace.file("bad/adapter_model.safetensors"), change)
    }

    private static func configure(_ workspace: Workspace, _ change: (inout JSONObject) -> Void) throws {
        let file = workspace.file("bad/adapter_config.json")
        guard var config = try JSONValue.read(file).object else {
            throw CommandFailure(description: "adapter_config.json is no object")
        }
        change(&config)
        try Data(JSONValue.object(config).bytes()).write(to: file)
    }
}

@Suite struct BadAdapterTests {
    private static let openers: [[String]] = [
        ["evaluate", "bad", "--data", "validation.jsonl"], ["predict", "bad", "--data", "test.jsonl"],
        ["shrink", "bad", "--budget", "4", "--output", "new"],
        ["export", "bad", "--to", "lora", "--output", "new"],
    ]
    /// These also take what PEFT wrote.
    private static let takers: [[String]] = [
        [
            "merge-adapters", "good", "bad", "--model", "model", "--budget", "4", "--head", "good",
            "--output", "new",
        ],
        Workspace.training(output: "new", ["--from-adapter", "bad", "--budget", "4"]),
        Workspace.training(
            output: "new", ["--from-adapter", "bad", "--budget", "4", "--head-start", "fresh"]),
    ]
    private static let imports = [["import", "bad", "--model", "model", "--output", "new"]]

    @Test(arguments: BadAdapter.all) func isOneClearErrorEverywhere(bad: BadAdapter) throws {
        let workspace = try Workspace()
        try #require(
            try workspace.run(Workspace.training(steps: 10, ["--budget", "12", "--learning-rate", "1e-2"]))
                .status
                == 0)
        let adapter = workspace.file("run/adapter")
        for name in ["good", "bad"] {
            try FileManager.default.copyItem(at: adapter, to: workspace.file(name))
        }
        try bad.spoil(workspace)
        func check(_ commands: [[String]]) throws {
            for command in commands {
                let result = try workspace.run(command)
                #expect(result.status == bad.status, "\(command): \(result.errors)")
                #expect(result.errorLines.count == 1, "\(command): \(result.errors)")
                for word in bad.mentions {
                    #expect(result.errors.contains(word), "\(command): \(result.errors)")
                }
                #expect(!workspace.exists("new"))
            }
        }
        if !bad.isPEFTsOnly {
            // What changed since it was written is found out before anything else.
            let changed = try workspace.run(Self.openers[0])
            #expect(changed.status == 65 && changed.errors.contains("manifest.json"), "\(changed.errors)")
            try FolderManifest.write(into: workspace.file("bad"))
            try check(Self.openers + Self.takers)
        }
        try FileManager.default.removeItem(at: workspace.file("bad/adalora.json"))
        try check(Self.takers + Self.imports)
        let taken = try workspace.run(["import", "good", "--model", "model", "--output", "mine"])
        #expect(taken.status == 0, "\(taken.errors)")
    }

    /// With the fingerprint beside PEFT's files, other weights of the same shapes are refused.
    @Test func anotherBaseOfTheSameShapes() throws {
        let workspace = try Workspace()
        try #require(try workspace.run(Workspace.training(steps: 10, ["--budget", "12"])).status == 0)
        try FileManager.default.copyItem(at: workspace.file("run/adapter"), to: workspace.file("bad"))
        try workspace.editWeights { info, bytes in
            let isChanged = info.name.hasSuffix("layer.0.output.dense.bias")
            return TensorToWrite(
                name: info.name, elementType: info.elementType, shape: info.shape,
                bytes: isChanged ? bytes.map { _ in 0 } : bytes)
        }
        for command in Self.openers + Self.takers.map({ $0.map { $0 == "good" ? "bad" : $0 } }) {
            let result = try workspace.run(command)
            #expect(result.status == 65 && result.errors.contains("other base weights"), "\(result.errors)")
            #expect(result.errorLines.count == 1 && !workspace.exists("new"))
        }
    }

    /// A name of PEFT's that is a folder here is compared by weights, and another name can be taken on one's word.
    @Test func baseNames() throws {
        let workspace = try Workspace()
        try #require(try workspace.run(Workspace.training(steps: 10, ["--budget", "12"])).status == 0)
        try FileManager.default.copyItem(at: workspace.file("run/adapter"), to: workspace.file("bad"))
        try FileManager.default.removeItem(at: workspace.file("bad/adalora.json"))
        try FileManager.default.copyItem(at: workspace.model, to: workspace.file("copy"))
        try FileManager.default.copyItem(at: workspace.model, to: workspace.file("other"))
        try workspace.editTensors(workspace.file("other/model.safetensors")) { info, bytes in
            TensorToWrite(
                name: info.name, elementType: info.elementType, shape: info.shape,
                bytes: info.name.hasSuffix("layer.0.output.dense.bias") ? bytes.map { _ in 0 } : bytes)
        }
        let file = workspace.file("bad/adapter_config.json")
        var config = try #require(try JSONValue.read(file).object)
        for (name, options, isTaken) in [
            ("copy", [], true), ("other", [], false), ("Organization/Model", [], true),
            ("/cache/models--org--model/snapshots/4f1e", [], true), ("org/bert", [], false),
            ("org/bert", ["--any-base-name"], true),
        ] as [(String, [String], Bool)] {
            config["base_model_name_or_path"] = .string(name)
            try Data(JSONValue.object(config).bytes()).write(to: file)
            let result = try workspace.run(
                ["import", "bad", "--model", "model", "--output", UUID().uuidString] + options)
            #expect((result.status == 0) == isTaken, "\(name): \(result.errors)")
        }
    }

    /// What is not an adapter of this program says how it becomes one.
    @Test func whatPEFTWroteIsTakenOverFirst() throws {
        let workspace = try Workspace()
        try #require(try workspace.run(Workspace.training(steps: 10, ["--budget", "12"])).status == 0)
        try FileManager.default.removeItem(at: workspace.file("run/adapter/adalora.json"))
        for command in Self.openers {
            let result = try workspace.run(command.map { $0 == "bad" ? "run/adapter" : $0 })
            #expect(result.status == 66 && result.errors.contains("adalora import"), "\(result.errors)")
        }
    }

    /// Where there is no adapter, what stands there is said, and how to get one.
    @Test func aFolderWithoutAnAdapterIsExplained() throws {
        let workspace = try Workspace()
        try FileManager.default.createDirectory(
            at: workspace.file("empty"), withIntermediateDirectories: true)
        try #require(try workspace.run(Workspace.training(steps: 4, ["--budget", "12"])).status == 0)
        let adapters = ["run/adapter", "run/adapter-last"]
        for name in adapters { try FileManager.default.removeItem(at: workspace.file(name)) }
        let cases = [
            ("nowhere", "there is no such folder; check the path"), ("empty", "neither a run nor an adapter"),
            ("model", "a model without an adapter"), ("run", "go on with adalora train --resume"),
            ("run/adapter", "there is no such folder; check the path"),
        ]
        for (folder, text) in cases {
            let result = try workspace.run(["predict", folder, "--data", "test.jsonl"])
            #expect(result.status == 66 && result.errors.contains(text), "\(folder): \(result.errors)")
        }
        try FileManager.default.removeItem(at: workspace.file("run/checkpoints"))
        let result = try workspace.run(["evaluate", "run", "--data", "test.jsonl"])
        #expect(result.status == 66 && result.errors.contains("train again"), "\(result.errors)")
    }

    /// No command writes over what is there.
    @Test func outputsAreNew() throws {
        let workspace = try Workspace()
        try #require(try workspace.run(Workspace.training(steps: 10, ["--budget", "12"])).status == 0)
        try workspace.write("kept", to: "new")
        let commands =
            Self.openers.filter { $0.contains("--output") } + [Self.takers[0]] + Self.imports + [
                ["extract", "--base", "model", "--tuned", "model", "--budget", "4", "--output", "new"]
            ]
        for command in commands {
            let result = try workspace.run(
                command.map { ["bad", "good"].contains($0) ? "run/adapter" : $0 })
            #expect(result.status == 64 && result.errors.contains("already exists"), "\(result.errors)")
            #expect(try workspace.text("new") == "kept")
        }
    }
}
