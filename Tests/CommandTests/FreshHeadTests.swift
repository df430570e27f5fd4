import Foundation
import ModelFiles
import Testing

/// Where a fresh head starts, and what is said of a model that answers every row alike.
@Suite struct FreshHeadTests {
    /// "common" in every row, "rare" in 3 of 24, "never" in none but the last of 25.
    private static let rows: String = (0..<25).map { index in
        let labels =
            ["common"] + (index % 8 == 0 && index < 24 ? ["rare"] : []) + (index == 24 ? ["last"] : [])
        let list = labels.map { "\"\($0)\"" }.joined(separator: ", ")
        return "{\"text\": \"the film was good \(index)\", \"labels\": [\(list)]}\n"
    }.joined()

    /// A head that does not move: what an update changes is far below the last digit of a Float near 1.
    private static let still = ["--method", "head", "--learning-rate", "1e-12"]

    private static func bias(_ workspace: Workspace, _ run: String) throws -> [Float] {
        let store = try TensorStore(file: workspace.file("\(run)/adapter-last/adapter_model.safetensors"))
        let name = try #require(store.tensors.map(\.name).first { $0.hasSuffix("classifier.bias") })
        return try store.bytes(name).withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    }

    @Test func labelsStartAtTheirLogOdds() throws {
        let workspace = try Workspace()
        try workspace.write(Self.rows, to: "rows.jsonl")
        let task = ["--task", "multi-label"]
        let result = try workspace.run(
            Workspace.training(steps: 1, train: "rows.jsonl", validation: "rows.jsonl", task + Self.still))
        try #require(result.status == 0, "\(result.errors)")
        // common, last, rare: 25, 1 and 3 of 25 rows, each half a row more.
        let expected = [25.5 / 0.5, 1.5 / 24.5, 3.5 / 22.5].map { Float(log($0)) }
        let bias = try Self.bias(workspace, "run")
        #expect(zip(bias, expected).allSatisfy { abs($0 - $1) < 1e-6 } && bias.count == 3, "\(bias)")

        let warning = "every row gets the same answer"
        #expect(result.errors.contains("step 1, rows.jsonl: \(warning)"), "\(result.errors)")
        let evaluation = try workspace.run(["evaluate", "run", "--data", "rows.jsonl"])
        #expect(evaluation.errors.contains("rows.jsonl: \(warning)"))
        // Where all rows are alike in truth, there is nothing to say.
        let alike = Self.rows.split(separator: "\n").filter { $0.contains("[\"common\"]") }
        try workspace.write(alike.joined(separator: "\n"), to: "alike.jsonl")
        #expect(try !workspace.run(["evaluate", "run", "--data", "alike.jsonl"]).errors.contains(warning))
    }

    @Test func scoresStartAtTheirMean() throws {
        let workspace = try Workspace()
        let rows = (0..<16).map { "{\"text\": \"the film was good\", \"label\": \(100 + $0 % 2)}\n" }.joined()
        try workspace.write(rows, to: "rows.jsonl")
        let task = ["--task", "regression"]
        let result = try workspace.run(
            Workspace.training(steps: 1, train: "rows.jsonl", validation: "rows.jsonl", task + Self.still))
        try #require(result.status == 0, "\(result.errors)")
        #expect(try Self.bias(workspace, "run") == [100.5])
        // One text has one score, whatever the truth.
        #expect(result.errors.contains("every row gets the same answer"))
    }

    /// Classes, tags and answers of an untrained head under a bias that leaves no choice.
    @Test(arguments: ["classification", "token-classification", "question-answering"])
    func oneAnswerIsSeenInEveryTask(_ task: String) throws {
        let workspace = try Workspace()
        let rows = [
            "classification": (0..<8).map { "{\"text\": \"the film\", \"label\": \"\($0 % 2)\"}\n" },
            "token-classification": (0..<8).map {
                "{\"tokens\": [\"film\"], \"labels\": [\"\(["O", "B-X"][$0 % 2])\"]}\n"
            },
            "question-answering": (0..<8).map { index in
                let answer = ["film", "book"][index % 2]
                return
                    "{\"question\": \"was\", \"context\": \"film book\", \"answers\": {\"text\": [\"\(answer)\"], "
                    + "\"answer_start\": [\(index % 2 * 5)]}}\n"
            },
        ]
        try workspace.write(try #require(rows[task]).joined(), to: "rows.jsonl")
        let result = try workspace.run(
            Workspace.training(
                steps: 1, train: "rows.jsonl", validation: "rows.jsonl", ["--task", task] + Self.still))
        try #require(result.status == 0, "\(result.errors)")
        #expect(result.errors.contains("every row gets the same answer"), "\(result.errors)")
    }
}
