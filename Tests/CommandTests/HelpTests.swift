import Foundation
import ModelFiles
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
        ("doctor", ["--kernel", "--json"]), ("init", ["--seed"]),
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

    /// Version, commit and kernels; the changelog has the version's section.
    @Test func versionTellsWhatIsRunning() throws {
        let result = try Workspace().run(["--version"])
        #expect(result.status == 0)
        let lines = result.output.split(separator: "\n").map(String.init)
        let first = try #require(
            lines.first?.wholeMatch(of: /adalora ([0-9]+\.[0-9]+\.[0-9]+) \(commit ([0-9a-f]{12}|unknown)\)/))
        #expect(lines.map { $0.split(separator: " ").first } == ["adalora", "OpenBLAS", "oneDNN", "loops"])
        let kernel = try Workspace().run(["doctor", "--kernel"]).output.trimmingCharacters(in: .newlines)
        #expect(lines[1].hasSuffix("kernel \(kernel)"))
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let changes = try String(contentsOf: root.appendingPathComponent("CHANGELOG.md"), encoding: .utf8)
        #expect(changes.contains("\n## \(first.output.1)"))
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
        for word in [
            "version", "program", "system", "CPU", "memory", "OpenBLAS", "oneDNN", "LAPACK", "OpenSSL",
            "zlib",
            "kernel", "bf16", "threads", "GFLOP/s",
        ] { #expect(result.output.contains(word), "\(word)") }
        let kernel = try Workspace().run(["doctor", "--kernel"])
        #expect(kernel.output.split(separator: "\n").count == 1)
        #expect(try Workspace().run(["doctor", "--kernel", "--json"]).status == 64)
    }

    /// What a program that files reports reads: libraries with their files, and variables that matter, no others.
    @Test func doctorTellsTheSameToPrograms() throws {
        let result = try Workspace().shell(
            "OMP_NUM_THREADS=3 SECRET_TOKEN=hidden exec \"$0\" doctor --json", [])
        #expect(result.status == 0, "\(result.errors)")
        let json = try JSONValue.parse(result.output)
        #expect(json["version"]?.string?.split(separator: ".").count == 3)
        #expect(json["variables"]?["OMP_NUM_THREADS"]?.string == "3")
        #expect(!result.output.contains("hidden"))
        #expect(try #require(json["memory"]?["bytes"]?.int) > 0)
        #expect(try #require(json["productError"]?.double) < 1e-4)
        let libraries = try #require(json["libraries"]?.array)
        #expect(
            libraries.map { $0["name"]?.string } == [
                "OpenBLAS", "oneDNN", "LAPACK", "OpenSSL", "zlib", "libjpeg-turbo", "libpng", "libwebp",
            ])
        for library in libraries {
            let name = library["name"]?.string ?? ""
            #expect(library["version"]?.string?.first?.isNumber ?? false, "\(name)")
            // nil where it is part of the program, which oneDNN never is.
            #expect(library["path"]?.string != nil || name != "oneDNN")
            guard let path = library["path"]?.string else { continue }
            #expect(FileManager.default.fileExists(atPath: path), "\(name): \(path)")
        }
    }
}
