import Foundation
import Messages
import Testing

/// Messages name only options that the command which prints them has: the sources are searched for `SettingName` in texts,
/// and each is looked up in `--help` of the commands that reach the place.
@Suite struct FlagAdviceTests {
    private static let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Sources")

    /// The commands that reach the messages of a file of a library. "train" stands for all that start runs.
    private static let reach: [String: [String]] = [
        "AdapterSet+Continuing": ["train"], "AdapterImport": ["import"],
        "TokenizedDataset": ["train"], "TrainerAssembly": ["train"], "RankPattern": ["train"],
        "RunPlan": ["train", "plan"], "MemoryGuard": ["train"],
        "OpenedAdapter+PEFT": ["import"],
        "VerifiedFolder": ["import", "export", "shrink", "merge-adapters", "extract", "pack"],
        "Resuming": ["train"],
        "OpenedAdapter": ["evaluate", "predict", "export", "shrink", "merge-adapters"],
        "StartingAdapter": ["train"], "Trainer": ["train"], "RunInputs": ["train"],
        "ConversationLayout": ["train", "evaluate", "data check", "predict", "data show"],
        "LoRAExport": ["export"], "OpenedAdapter+LoRAFile": ["import"],
        "BaseFormat": ["train", "pack"], "PackedBase": ["train", "pack"], "GGUFExport": ["export"],
        "GGUFModelFile": ["export"], "OpenedAdapter+Advice": ["export"], "WrittenModel": ["export"],
        "WrittenRows": ["export"],
        "ComparedText": ["export"],
        "MergedType": ["export"],
        "SamplePrompts": ["train"],
        "AdapterMerging": ["merge-adapters"], "RunFolder+Writing": ["train"],
        // How to train for what cannot be exported or has no head.
        "AdapterExtraction": ["train"],
        "AdaLoRA+Start": ["train"], "AdaDoRA": ["train"], "ChangedParts": ["train"], "IA3": ["train"],
        "BottleneckSettings": ["train"], "ProcessAgreement": ["train", "evaluate", "predict"],
        "VectorTuning": ["train"],
        "FineTuning": ["train"], "LoRA": ["train"], "VirtualTokens": ["train"],
        "PrefixTuning": ["train"], "PromptTuning": ["train"], "TuningSettings": ["train"],
        "TuningSettings+Budget": ["train"],
        "AdapterDescription": ["evaluate", "predict", "export", "shrink", "merge-adapters"],
        "Delimiter": ["train", "evaluate", "data check", "predict"],
        "DatasetBuilder+Sentences": ["train", "evaluate", "data check"],
        "TagFile+Columns": ["train", "evaluate", "data check"],
        "LabelNames": ["train", "evaluate", "data check"],
        "LabelSetRows": ["train", "evaluate", "data check"], "LabelFindings": ["train", "data check"],
        "DatasetBuilder+Lists": ["train", "evaluate", "data check"], "LabelSet": ["train", "data check"],
        "ConfigLoading": ["train"], "RunFollower": ["watch"], "SettingSynonyms": ["train"],
        "ConfusionReport": ["evaluate"], "RowChunks": ["train"], "RunRows": ["evaluate"],
        "BaseModelName+Choice": ["export"], "ModelCard": ["predict"], "RowStream": ["predict"],
        "AnswerWriter": ["predict"], "OpenedAdapter+Predictions": ["predict"],
        "ChoicesRow": ["train", "evaluate", "data check", "data show"],
        "AdviceSession": ["advise", "train"], "AdvisedRun": ["advise", "train"],
        "StatedPooling": ["train", "plan"], "StepChecks": ["train", "plan"], "Settling": ["train", "plan"],
    ]
    /// Options of these are reached by more commands than the rest of their file.
    private static let wider: [String: [String: [String]]] = [
        "AdapterExport": ["--to": ["export"], "--pooling": ["train"]],
        "HubExport": ["--to": ["export"], "--model": ["export"], "--pooling": ["train"]],
        "AdapterDescription": ["--base-format": ["train"]],
        "ColumnNames": [
            "--label-column": ["train", "evaluate", "data check"],
            "--text-column": ["train", "evaluate", "data check", "predict", "export"],
        ],
        "TrainedColumns": [
            "--label-column": ["evaluate"], "--text-column": ["evaluate", "predict", "export"],
        ],
        "OpenedAdapter+PEFT": [
            "--model": ["import", "merge-adapters", "train"], "--labels": ["import", "extract"],
            "--task": ["import", "train"],
        ],
    ]

    private struct Mention: Hashable {
        let file: String
        let command: String?
        let option: String
    }

    /// Options in the texts of a source, of the command that the text names before (`adalora import --labels`), if any.
    private static func mentions(_ text: String, file: String) throws -> [Mention] {
        // Texts that are put together are one; comments are none.
        var code = text.split(separator: "\n").filter { !$0.drop { $0 == " " }.hasPrefix("//") }
            .joined(separator: "\n").replacing(try Regex("\"\\s*\\+ \""), with: "")
        for name in SettingName.allCases {
            code = code.replacing("\\(SettingName.\(member(name)))", with: "\(name)")
        }
        let naming = try Regex("adalora (train|import|export|merge-adapters)((?: [^ \";,:]+)*)")
        var found: [Mention] = []
        for match in code.matches(of: naming) {
            guard let command = match.output[1].substring, let rest = match.output[2].substring else {
                continue
            }
            found += try options(rest).map { Mention(file: file, command: String(command), option: $0) }
        }
        let alone = code.replacing(naming, with: "")
        for line in alone.split(separator: "\n") where line.contains("\"") {
            found += try options(line).map { Mention(file: file, command: nil, option: $0) }
        }
        return found
    }

    /// `labelColumn` for `label-column`
    private static func member(_ name: SettingName) -> String {
        let words = name.rawValue.split(separator: "-")
        return words.dropFirst().reduce(String(words[0])) { $0 + $1.capitalized }
    }

    private static func options(_ text: Substring) throws -> [String] {
        text.matches(of: try Regex("(?:^|[ \"'(])(--[a-z][a-z-]+)")).compactMap {
            $0.output[1].substring.map(String.init)
        }
    }

    @Test func everyOptionInAMessageIsOneOfTheCommand() throws {
        let workspace = try Workspace()
        var helps: [String: String] = [:]
        func has(_ command: String, _ option: String) throws -> Bool {
            let help =
                try helps[command]
                ?? workspace.run(command.split(separator: " ").map(String.init) + ["--help"]).output
            helps[command] = help
            return help.split { !($0.isLetter || $0 == "-") }.contains { $0 == option } || option == "--help"
        }
        var count = 0
        for library in [
            "Adapters", "Training", "AdapterTools", "Runs", "Datasets", "Transformers", "RunConfiguration",
            "Reports", "RankProbe",
        ] {
            let folder = Self.sources.appendingPathComponent(library)
            let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
            while let file = files?.nextObject() as? URL {
                guard file.pathExtension == "swift" else { continue }
                let name = file.deletingPathExtension().lastPathComponent
                let text = try String(contentsOf: file, encoding: .utf8)
                for mention in try Self.mentions(text, file: name) {
                    count += 1
                    let commands =
                        mention.command.map { [$0] } ?? Self.wider[name]?[mention.option] ?? Self.reach[name]
                        ?? []
                    #expect(
                        !commands.isEmpty, "\(name) names \(mention.option); say here which commands reach it"
                    )
                    for command in commands {
                        #expect(
                            try has(command, mention.option),
                            "\(name) names \(mention.option), which adalora \(command) does not have")
                    }
                }
            }
        }
        #expect(count > 60, "\(count) options found in messages")
    }

    /// A library that spells a flag by itself is not told when the program renames it.
    @Test func librariesSpellNoFlag() throws {
        let flag = /"(?:[^"]*[^\w-])?--(?!help)[a-z][a-z-]+[^"]*"/
        var found: [String] = []
        // Experiments gives flags to programs that it runs.
        let others = ["adalora", "Experiments"]
        for target in try FileManager.default.contentsOfDirectory(atPath: Self.sources.path)
        where !others.contains(target) {
            let folder = Self.sources.appendingPathComponent(target)
            for case let file as String in FileManager.default.enumerator(atPath: folder.path) ?? .init()
            where file.hasSuffix(".swift") {
                let text = try String(contentsOf: folder.appendingPathComponent(file), encoding: .utf8)
                for line in text.split(separator: "\n") where line.contains(flag) {
                    if line.drop(while: { $0 == " " }).hasPrefix("//") { continue }
                    found.append("\(target)/\(file): \(line)")
                }
            }
        }
        #expect(found.isEmpty, "\(found.joined(separator: "\n"))")
    }

    /// The search sees what it is to see.
    @Test func theSearchFindsOptions() throws {
        let text = #"""
            /// "\(SettingName.model)"
            throw Fault("say \(SettingName.task) x, or adalora import FOLDER "
                + "\(SettingName.labels) a")
            """#
        #expect(
            Set(try Self.mentions(text, file: "f")) == [
                Mention(file: "f", command: nil, option: "--task"),
                Mention(file: "f", command: "import", option: "--labels"),
            ])
    }
}
