import Foundation
import Testing

@Suite struct HelpTests {
    @Test(arguments: [
        (
            "train",
            [
                "--model", "--train", "--validation", "--output", "--budget", "--average-rank", "--resume",
                "--config", "--from-adapter", "--head-start",
            ]
        ),
        (
            "advise",
            [
                "--model", "--train", "--memory", "--time", "--rules-only", "--output", "--html", "--json",
                "--seed",
            ]
        ),
        ("evaluate", ["--data", "--model", "--last", "--json", "--all-classes", "--label-column"]),
        (
            "predict",
            [
                "--data", "--data-format", "--model", "--top", "--text-column", "--keep", "--format",
                "--on-error", "--long-rows", "--batch-size",
            ]
        ),
        ("ranks", ["--at", "--history", "--format"]),
        ("export", ["--to", "--ragged", "--max-shard-size", "--base-name", "--tolerance", "--output"]),
        ("import", ["--model", "--labels", "--svd", "--any-base-name", "--output"]),
        (
            "merge-adapters",
            ["--model", "--weights", "--method", "--density", "--budget", "--head", "--output"]
        ),
        ("extract", ["--base", "--tuned", "--energy", "--targets", "--svd", "--labels", "--output"]),
        ("report", ["--format", "--figure", "--output", "--theme"]), ("watch", ["--every", "--wait"]),
        ("pack", ["--base-format", "--max-shard-size", "--verbose", "--json", "--output"]),
        ("doctor", ["--kernel"]),
        ("plan", ["--model", "--train", "--budget", "--batch-size", "--threads", "--json"]),
        ("data check", ["--train", "--validation", "--test", "--model", "--task", "--json", "--strict"]),
    ])
    func helpNamesTheOptions(command: String, options: [String]) throws {
        let result = try Workspace().run(command.split(separator: " ").map(String.init) + ["--help"])
        #expect(result.status == 0)
        #expect(result.errors.isEmpty)
        for option in options { #expect(result.output.contains(option), "\(option)") }
        // Older terminals have 80 columns.
        for line in result.output.split(separator: "\n") where !line.hasPrefix("USAGE:") {
            #expect(line.count <= 80, "\(line)")
        }
    }

    @Test func theCommandListsItsSubcommands() throws {
        let workspace = try Workspace()
        for arguments in [[], ["--help"]] {
            let result = try workspace.run(arguments)
            #expect(result.status == 0)
            for command in ["train", "plan", "data", "evaluate", "predict", "ranks", "doctor"] {
                #expect(result.output.contains("  \(command) "))
            }
        }
    }

    @Test func versionIsThreeNumbers() throws {
        let result = try Workspace().run(["--version"])
        #expect(result.status == 0)
        let numbers = result.output.trimmingCharacters(in: .newlines).split(separator: ".").map { Int($0) }
        #expect(numbers.count == 3)
        #expect(!numbers.contains(nil))
    }

    @Test func unknownCommandsAndOptionsAreUsageErrors() throws {
        let workspace = try Workspace()
        for arguments in [
            ["trian"], ["train", "--bugdet", "3"], ["evaluate", "run"], ["ranks"],
            ["ranks", "a", "--at", "x"],
        ] {
            #expect(try workspace.run(arguments).status == 64, "\(arguments)")
        }
    }

    @Test func doctorChecksTheProducts() throws {
        let result = try Workspace().run(["doctor"])
        #expect(result.status == 0, "\(result.errors)")
        for word in ["CPU", "OpenBLAS", "kernel", "bf16", "GFLOP/s"] { #expect(result.output.contains(word)) }
        let kernel = try Workspace().run(["doctor", "--kernel"])
        #expect(kernel.output.split(separator: "\n").count == 1)
    }
}
