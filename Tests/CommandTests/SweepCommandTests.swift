import Foundation
import ModelFiles
import Testing

/// `adalora sweep` on the tiny model.
@Suite struct SweepCommandTests {
    private func sweep(_ workspace: Workspace, _ more: [String]) throws -> CommandResult {
        try workspace.run(
            [
                "sweep", "--model", "model", "--train", "train.jsonl", "--validation", "validation.jsonl",
                "--output", "out", "--threads", "1", "--set", "max-length=40",
            ] + more)
    }

    @Test func ranksSideBySideWithAdaLoRA() throws {
        let workspace = try Workspace()
        let options = ["--ranks", "1,4", "--set", "steps=12", "--seeds", "1,2"]
        let first = try sweep(workspace, options)
        try #require(first.status == 0, "\(first.errors)")
        // Rank 1 everywhere in the tiny BERT costs 896 parameters.
        #expect(first.output.contains("896") && first.output.contains("3,584"))
        #expect(first.output.contains("is best with accuracy"))
        #expect(first.output.contains("AdaLoRA beside the fixed rank of equal parameters: "))
        for run in ["lora-r1-s1", "lora-r4-s2", "adalora-r4-s1"] {
            #expect(workspace.exists("out/\(run)/adapter"), "\(run)")
        }
        // Ticks where something was tried.
        let picture = try workspace.text("out/sweep.svg")
        let ticks = picture.components(separatedBy: "class=\"m\">").dropFirst().map {
            $0.components(separatedBy: "<")[0]
        }
        #expect(ticks.contains("1") && ticks.contains("4") && !ticks.contains("2"), "\(ticks)")
        #expect(!picture.contains("@media"))
        // The end is a command that trains.
        let command = try #require(
            first.output.components(separatedBy: "To train with what was found:\n  adalora ").last?
                .split(separator: "\n").first)
        let words = command.split(separator: " ").map(String.init)
        #expect(words.first == "train" && words.contains("--max-length"), "\(command)")
        let chosen = try workspace.run(words)
        #expect(chosen.status == 0 && workspace.exists("out/chosen/adapter"), "\(chosen.errors)")
        let start = try #require(try workspace.events("out/adalora-r4-s1", "start").first)
        #expect(start["finalBudget"]?.int == 3584 && start["budgetUnit"]?.string == "parameters")
        // Nothing runs again.
        let again = try sweep(workspace, options)
        #expect(again.status == 0 && again.output == first.output)
        #expect(!again.errors.contains("rank 4, seed"))
        try workspace.write(Workspace.jsonLines(rows: 40, places: ["book"]), to: "train.jsonl")
        let other = try sweep(workspace, options)
        #expect(other.status == 64 && other.errors.contains("other data"), "\(other.errors)")
    }

    /// As many steps as take some seconds: a sweep looks at a run once a second. With no margin the lowest rank falls behind the median of three and is given up; a folder of other settings is
    /// refused.
    @Test func hopelessRunsAreGivenUp() throws {
        let workspace = try Workspace()
        let options = [
            "--seeds", "1", "--set", "steps=12000", "--set", "learning-rate=2e-5", "--metric", "loss",
        ]
        let more = ["--set", "evaluate-every=800", "--margin", "0", "--ranks", "1,30,31,32", "--no-adalora"]
        let result = try sweep(workspace, options + more)
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.errors.contains("given up: loss"), "\(result.errors)")
        #expect(result.output.contains("given up"))
        #expect(workspace.exists("out/lora-r1-s1/given-up.txt"))
        let end = try #require(try workspace.events("out/lora-r1-s1", "end").last)
        #expect(end["reason"]?.string == "interrupted")
        let other = try sweep(workspace, options + more + ["--set", "batch-size=4"])
        #expect(other.status == 64 && other.errors.contains("batch-size"), "\(other.errors)")
    }

    @Test func dryRunEstimates() throws {
        let workspace = try Workspace()
        let result = try sweep(workspace, ["--ranks", "1,8", "--dry-run", "--set", "steps=500"])
        #expect(result.status == 0, "\(result.errors)")
        #expect(
            result.output.contains("4 runs of 500 steps: about")
                && result.output.contains("peak memory about"))
        #expect(!workspace.exists("out"))
    }

    @Test(arguments: [
        ["--ranks", "1,x"], ["--ranks", "2", "--seeds", "a"], ["--ranks", "2", "--set", "steps"],
        ["--ranks", "2", "--set", "stesp=5"], ["--ranks", "2", "--margin", "-1"],
    ])
    func wrongOptions(options: [String]) throws {
        let workspace = try Workspace()
        let result = try sweep(workspace, options)
        #expect(result.status == 64, "\(result.errors)")
        #expect(!workspace.exists("out"))
    }
}
