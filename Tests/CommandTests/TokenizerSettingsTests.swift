import Foundation
import ModelFiles
import Testing

/// The files beside a vocabulary decide what every command reads, are told of where they contradict `tokenizer.json`, and
/// go along with a merged model. What transformers makes of the same folders: FolderParityTests.
@Suite struct TokenizerSettingsTests {
    private func run(_ workspace: Workspace, _ arguments: [String]) throws -> CommandResult {
        let result = try workspace.run(arguments)
        try #require(result.status == 0, "\(result.errors)")
        return result
    }

    /// A `tokenizer.json` that makes small letters, with the workspace's vocabulary.
    private func writeWhole(_ workspace: Workspace) throws {
        let words = Workspace.vocabulary.enumerated().map { "\"\($0.element)\":\($0.offset)" }.joined(
            separator: ",")
        try workspace.write(
            #"{"added_tokens":[],"normalizer":{"type":"BertNormalizer","lowercase":true},"#
                + #""pre_tokenizer":{"type":"BertPreTokenizer"},"#
                + #""post_processor":{"type":"BertProcessing","cls":["[CLS]",2],"sep":["[SEP]",3]},"#
                + #""model":{"type":"WordPiece","unk_token":"[UNK]","vocab":{"# + words + "}}}",
            to: "model/tokenizer.json")
    }

    @Test func aContradictionIsToldByEveryCommand() throws {
        let workspace = try Workspace()
        try writeWhole(workspace)
        let silent = try run(workspace, Workspace.training(output: "silent", steps: 2, ["--budget", "12"]))
        #expect(!silent.errors.contains("differ; read as"), "\(silent.errors)")
        try workspace.write(#"{"do_lower_case": false}"#, to: "model/tokenizer_config.json")
        let told =
            "tokenizer_config.json and tokenizer.json differ; read as transformers does it, as BertTokenizer"
        let trained = try run(workspace, Workspace.training(steps: 2, ["--budget", "12"]))
        #expect(trained.errors.contains(told) && trained.errors.contains("lowercase false instead of true"))
        for command in [
            ["predict", "run", "--data", "test.jsonl"], ["evaluate", "run", "--data", "test.jsonl"],
            ["plan"] + Workspace.training(output: "other", steps: 2, ["--budget", "12"]).dropFirst(),
        ] {
            let result = try run(workspace, command)
            #expect(result.errors.contains(told), "\(command[0]): \(result.errors)")
        }
        // Capitals are unknown to this vocabulary, and the settings keep them.
        try workspace.write(
            #"{"text": "THE FILM"}"# + "\n" + #"{"text": "the film"}"# + "\n", to: "case.jsonl")
        let rows = try run(workspace, ["predict", "run", "--data", "case.jsonl"]).output.split(
            separator: "\n")
        #expect(rows.count == 2 && rows[0] != rows[1], "\(rows)")
    }

    @Test func aMergedModelKeepsAllTokenizerFiles() throws {
        let workspace = try Workspace()
        let files = [
            "tokenizer_config.json": #"{"do_lower_case": false, "mask_token": "[MASK]"}"#,
            "special_tokens_map.json": #"{"pad_token": "[PAD]"}"#, "added_tokens.json": #"{"word99": 99}"#,
            "spiece.model": "not read here", "vocab.txt": try workspace.text("model/vocab.txt"),
        ]
        for (name, text) in files { try workspace.write(text, to: "model/\(name)") }
        _ = try run(workspace, Workspace.training(steps: 2, ["--budget", "12"]))
        _ = try run(workspace, ["export", "run", "--to", "merged", "--output", "merged"])
        for (name, text) in files { #expect(try workspace.text("merged/\(name)") == text, "\(name)") }
        let command = ["predict", "merged", "--data", "test.jsonl"]
        let before = try run(workspace, ["predict", "run", "--data", "test.jsonl"]).output
        // Merged weights round otherwise; the labels are the same.
        func labels(_ output: String) throws -> [String?] {
            try output.split(separator: "\n").map { try JSONValue.parse(String($0))["label"]?.string }
        }
        #expect(try labels(run(workspace, command).output) == labels(before))
    }

    /// A token that only a side file declares is read where the model has a row for it, and refused by name otherwise.
    @Test func tokensOfSideFilesNeedARow() throws {
        let workspace = try Workspace()
        try workspace.write(#"{"word99": 99, "<beyond>": 101}"#, to: "model/added_tokens.json")
        try workspace.write(#"{"text": "the word99", "label": "neutral"}"# + "\n", to: "known.jsonl")
        try workspace.write(
            #"{"text": "a <beyond> b", "label": "neutral"}"# + "\n"
                + #"{"text": "a b", "label": "positive"}"# + "\n", to: "beyond.jsonl")
        _ = try run(workspace, Workspace.training(steps: 2, ["--budget", "12"]))
        _ = try run(workspace, ["predict", "run", "--data", "known.jsonl"])
        for command in [
            ["predict", "run", "--data", "beyond.jsonl"], ["evaluate", "run", "--data", "beyond.jsonl"],
            Workspace.training(
                output: "x", steps: 2, train: "beyond.jsonl", validation: nil, ["--budget", "12"]),
        ] {
            let result = try workspace.run(command)
            #expect(result.status == 65 && result.errorLines.count == 1, "\(result.errors)")
            #expect(
                result.errors.contains(
                    "beyond.jsonl:1: the row holds the token '<beyond>' of id 101, which files beside the vocabulary "
                        + "declare; the model's embedding has only 101 rows"), "\(result.errors)")
        }
    }

    /// Rows that are unknown by their capitals are not said to be of another language.
    @Test func unknownTokensGetAdviceThatFits() throws {
        let workspace = try Workspace()
        let rows = try workspace.text("train.jsonl").replacingOccurrences(of: "\"the ", with: "\"THE ")
        try workspace.write(rows, to: "capitals.jsonl")
        try workspace.write(rows.replacingOccurrences(of: "\"THE ", with: "\"слово "), to: "foreign.jsonl")
        try workspace.write(#"{"do_lower_case": false}"#, to: "model/tokenizer_config.json")
        for (file, advice) in [
            ("capitals.jsonl", "all looked at, such as 'THE', are known in small letters"),
            ("foreign.jsonl", "is it the right model for this language?"),
        ] {
            let result = try workspace.run([
                "data", "check", file, "--model", "model", "--max-length", "32",
            ])
            #expect(
                (result.output + result.errors).contains(advice), "\(file): \(result.output)\(result.errors)")
        }
    }
}
