import Foundation
import Testing

@Suite struct BadInputTests {
    @Test(arguments: BadInput.all)
    func isOneClearErrorAndLeavesNothing(input: BadInput) throws {
        let workspace = try Workspace()
        try input.prepare(workspace)
        let result = try workspace.run(input.arguments)
        #expect(result.status == input.status, "\(result.errors)")
        #expect(result.errorLines.count == 1, "\(result.errors)")
        #expect(result.output.isEmpty)
        for word in input.mentions { #expect(result.errors.contains(word), "\(word) in: \(result.errors)") }
        #expect(!workspace.exists("run"))
        #expect(try !workspace.contents(of: ".").contains { $0.contains(".partial") })
    }

    @Test func allBadSettingsAreListedAtOnce() throws {
        let workspace = try Workspace()
        let listed = try workspace.run(
            Workspace.training(["--budget=-3", "--learning-rate", "fast", "--targets", "keys"]))
        #expect(listed.status == 64)
        #expect(listed.errorLines.count == 1)
        for name in ["--budget", "--learning-rate", "--targets"] { #expect(listed.errors.contains(name)) }
    }

    @Test func missingSettingsAreNamed() throws {
        let result = try Workspace().run(["train"])
        #expect(result.status == 64)
        #expect(result.errorLines.count == 1)
        for name in ["--model", "--train", "--output"] { #expect(result.errors.contains(name)) }
    }

    @Test func aRunIsNeverOverwritten() throws {
        let workspace = try Workspace()
        let arguments = Workspace.training(steps: 5, ["--budget", "12"])
        try #require(try workspace.run(arguments).status == 0)
        let files = try workspace.contents(of: "run").filter {
            !$0.hasPrefix("checkpoints") && $0.contains(".")
        }
        let before = try files.map { try workspace.bytes("run/\($0)") }
        let result = try workspace.run(arguments + ["--seed", "7"])
        #expect(result.status == 64)
        #expect(result.errorLines.count == 1)
        #expect(result.errors.contains("--resume"))
        #expect(try files.map { try workspace.bytes("run/\($0)") } == before)
    }

    @Test func anOutputThatIsAFileIsRefused() throws {
        let workspace = try Workspace()
        try workspace.write("kept", to: "run")
        let result = try workspace.run(Workspace.training(steps: 5, ["--budget", "12"]))
        #expect(result.status == 74)
        #expect(result.errorLines.count == 1)
        #expect(try workspace.text("run") == "kept")
    }

    /// A limit on file sizes stands in for a full disk: the same writes fail, with EFBIG for ENOSPC.
    @Test(arguments: [1, 12])
    func aFullDiskIsOneErrorAndLeavesNoHalfFile(blocks: Int) throws {
        let workspace = try Workspace()
        let script = "trap '' XFSZ; ulimit -f \(blocks); exec \"$0\" \"$@\" 2>/dev/null"
        // Standard error counts against the limit too, so it is read in a second run through a pipe.
        let result = try workspace.shell(script, Workspace.training(steps: 5, ["--budget", "12"]))
        #expect(result.status == 74)
        let piped = "trap '' XFSZ; { ulimit -f \(blocks); \"$0\" \"$@\" 2>&1 >/dev/null; } | grep '^error:'"
        let errors = try workspace.shell(
            piped, Workspace.training(output: "second", steps: 5, ["--budget", "12"]))
        #expect(errors.output.split(separator: "\n").count == 1)
        for run in ["run", "second"] where workspace.exists(run) {
            let files = try workspace.contents(of: run)
            #expect(!files.contains { $0.contains(".partial") })
            #expect(!files.contains("adapter/adapter_model.safetensors"))
        }
    }

    /// Lost predictions must not look like success.
    @Test func aFullStandardOutputIsAnError() throws {
        let workspace = try Workspace()
        try #require(try workspace.run(Workspace.training(steps: 5, ["--budget", "12"])).status == 0)
        for arguments in [
            ["predict", "run", "--data", "validation.jsonl"], ["ranks", "run", "--format", "csv"],
        ] {
            let result = try workspace.shell("exec \"$0\" \"$@\" >/dev/full", arguments)
            #expect(result.status == 74, "\(arguments)")
        }
    }
}
