import Foundation
import Testing

/// What a build that cannot work with others does where a launcher started some.
@Suite struct SeveralProcessesTests {
    private static let launched = ["OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "1"]

    private static func run(_ arguments: [String], _ workspace: Workspace) throws -> CommandResult {
        try RunningCommand(arguments, in: workspace.url, environment: launched).finish()
    }

    /// Each process would train by itself, into one folder.
    @Test func aBuildWithoutMPIRefusesToBeOneOfSeveral() throws {
        let workspace = try Workspace()
        let result = try Self.run(
            [
                "train", "--model", "model", "--train", "train.jsonl", "--budget", "12", "--steps", "2",
                "--output", "run",
            ],
            workspace)
        #expect(result.status == 65)
        #expect(result.errors.contains("2 processes were started together"))
        #expect(result.errors.contains("trait MPI"))
        #expect(!workspace.exists("run"))
    }

    /// What would be done twice is refused by its name, with and without MPI.
    @Test func otherCommandsAreNotDoneTwice() throws {
        let workspace = try Workspace()
        for command in ["report", "export", "plan", "sweep"] {
            let result = try Self.run([command, "anything"], workspace)
            #expect(result.status == 64)
            #expect(result.errors.contains("\(command) is not done by several processes together"))
        }
        #expect(try Self.run(["train", "--help"], workspace).status == 0)
    }

    @Test func aPlanTellsWhatSeveralProcessesWouldTake() throws {
        let workspace = try Workspace()
        let arguments = [
            "plan", "--model", "model", "--train", "train.jsonl", "--budget", "12", "--threads", "1",
            "--max-length", "32",
        ]
        let text = try workspace.run(arguments + ["--processes", "5", "--network", "1Gb"])
        #expect(text.status == 0, "\(text.errors)")
        for word in ["processes", "exchange", "efficiency", "1Gb between them"] {
            #expect(text.output.contains(word))
        }
        let json = try workspace.run(arguments + ["--processes", "5", "--json"])
        let object = try #require(
            JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
        let steps = try #require((object["processes"] as? [String: Any])?["steps"] as? [[String: Any]])
        #expect(steps.compactMap { $0["processes"] as? Int } == [1, 2, 4, 5])
        #expect(steps.first?["exchange"] as? Double == 0)
        for (flags, text) in [
            (["--network", "1Gb"], "--network goes with --processes"),
            (["--processes", "0"], "must be 1 to 4096"),
            (["--processes", "2", "--network", "fast"], "1Gb, 10Gb, 25Gb, 100Gb"),
        ] {
            let result = try workspace.run(arguments + flags)
            #expect(result.status == 64 && result.errors.contains(text))
        }
    }
}
