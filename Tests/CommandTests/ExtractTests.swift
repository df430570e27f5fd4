import Foundation
import ModelFiles
import Testing

/// `adalora extract`: adapters out of the difference of two checkpoints.
@Suite struct ExtractTests {
    /// The model fine-tuned as a whole, in `run/model`.
    private func tuned() throws -> Workspace {
        let workspace = try Workspace()
        let result = try workspace.run(
            Workspace.training(["--method", "full", "--learning-rate", "3e-3"]))
        try #require(result.status == 0, "\(result.errors)")
        return workspace
    }

    private let start = ["extract", "--base", "model", "--tuned", "run/model"]

    /// Of an adapter merged into the weights nothing is lost: the same ranks and answers come back.
    @Test func aMergedAdapterComesBack() throws {
        let workspace = try Workspace()
        try #require(
            try workspace.run(Workspace.training(["--budget", "12", "--learning-rate", "1e-2"])).status == 0)
        try #require(
            try workspace.run(["export", "run", "--to", "merged", "--output", "merged"]).status == 0)
        for svd in ["exact", "randomized"] {
            // The subspace iteration takes at most 7 of 32: fewer than the budget for each matrix.
            let budget = svd == "exact" ? ["--energy", "0.999999"] : ["--budget", "7", "--svd", svd]
            let result = try workspace.run(
                ["extract", "--base", "model", "--tuned", "merged", "--output", svd] + budget)
            try #require(result.status == 0, "\(result.errors)")
            #expect(!result.errors.contains("lost"), "\(result.errors)")
            #expect(result.output.contains("head: 3 classes"))
        }
        try workspace.expectSameMetrics(of: "exact", as: "run")
        try #require(
            try workspace.run(
                ["extract", "--base", "model", "--tuned", "merged", "--output", "cut", "--budget", "7"])
                .status == 0)
        // Both ways to the singular values choose the same.
        let configurations = try ["cut", "randomized"].map {
            try JSONValue.read(workspace.file("\($0)/adapter_config.json"))["rank_pattern"]
        }
        #expect(configurations[0] == configurations[1] && configurations[0] != nil)
    }

    /// Biases, norms, embeddings and the pooler learned too: not in the adapter, and said so.
    @Test func whatIsLostIsSaid() throws {
        let workspace = try tuned()
        let result = try workspace.run(start + ["--budget", "40", "--output", "x"])
        try #require(result.status == 0, "\(result.errors)")
        for kind in ["embeddings in", "layer norms in 10 of 10", "biases in", "pooler in 2 of 2"] {
            #expect(result.errors.contains(kind), "\(result.errors)")
        }
        #expect(
            result.output.contains("kept 40 triplets") && result.output.contains("against the tuned model"))
        // A narrow choice leaves matrices outside.
        let narrow = try workspace.run(
            start + ["--budget", "4", "--targets", "query,value", "--output", "y"])
        #expect(narrow.errors.contains("matrices that are not adapted in 8 of 8"), "\(narrow.errors)")
        #expect(try workspace.run(["evaluate", "x", "--data", "validation.jsonl"]).status == 0)
        let goesOn = try workspace.run(
            Workspace.training(output: "on", steps: 5, ["--from-adapter", "x", "--budget", "12"]))
        #expect(goesOn.status == 0, "\(goesOn.errors)")
    }

    /// An encoder alone gives an adapter without a head, for a fresh one.
    @Test func withoutAHead() throws {
        let workspace = try tuned()
        try workspace.editTensors(workspace.file("run/model/model.safetensors")) { info, bytes in
            info.name.hasPrefix("classifier")
                ? nil
                : TensorToWrite(
                    name: info.name, elementType: info.elementType, shape: info.shape, bytes: bytes)
        }
        let result = try workspace.run(start + ["--budget", "12", "--output", "x"])
        try #require(result.status == 0, "\(result.errors)")
        #expect(result.errors.contains("has no classification head") && result.output.contains("head: none"))
        #expect(!workspace.exists("x/adalora.json"))
        let arguments = Workspace.training(output: "on", steps: 5, ["--from-adapter", "x", "--budget", "12"])
        let fresh = try workspace.run(arguments + ["--head-start", "fresh"])
        #expect(fresh.status == 0, "\(fresh.errors)")
    }

    @Test func whatCannotBeExtracted() throws {
        let workspace = try tuned()
        let same = try workspace.run(
            ["extract", "--base", "model", "--tuned", "model", "--budget", "3", "--output", "x"])
        #expect(same.status == 65 && same.errors.contains("nothing to extract"), "\(same.errors)")
        let other = workspace.file("other")
        try FileManager.default.copyItem(at: workspace.model, to: other)
        let config = try workspace.text("model/config.json")
        try workspace.write(
            config.replacingOccurrences(of: "\"num_hidden_layers\": 2", with: "\"num_hidden_layers\": 1"),
            to: "other/config.json")
        let sizes = try workspace.run(
            ["extract", "--base", "other", "--tuned", "run/model", "--budget", "3", "--output", "x"])
        #expect(
            sizes.status == 65 && sizes.errors.contains("different architectures or sizes"), "\(sizes.errors)"
        )
        for (arguments, message) in [
            (["--energy", "1.5"], "at most 1"), (["--energy", "0.5", "--svd", "randomized"], "--svd"),
            (["--budget", "3", "--targets", "keys"], "keys"), ([], "give one of"),
            (["--budget", "3", "--labels", "a,b"], "--labels 2"),
        ] {
            let result = try workspace.run(start + ["--output", "x"] + arguments)
            #expect(result.status == 64 && result.errors.contains(message), "\(result.errors)")
        }
        #expect(!workspace.exists("x"))
    }
}
