import Foundation
import Glibc
import ModelFiles
import Testing

/// Runs that die, that meet a full or broken disk, or that are told to end, at any moment: what was saved stays whole,
/// and the run ends with the same bytes.
@Suite struct CrashTests {
    /// Stops the process at a random moment of its life, again and again, until the run is through.
    @Test func killedAtRandomMoments() throws {
        try killAtRandomMoments(try CrashScene(), kills: 20)
    }

    /// The same for a language model that is looked at while it trains: answers and what it forgets are the same too.
    @Test func aLanguageModelKilledAtRandomMoments() throws {
        let options =
            SampleTests.both + [
                "--checkpoint-every", "3", "--keep-checkpoints", "2", "--evaluate-every", "4", "--threads",
                "1",
            ]
        let scene = try CrashScene(try SampleTests.workspace()) {
            SampleTests.training($0, steps: 12, options)
        }
        #expect(scene.expected["samples.jsonl"].map { !$0.isEmpty } == true)
        let told = try #require(scene.expected["events"].map { String(decoding: $0, as: UTF8.self) })
        #expect(told.contains("forgetting-kl"))
        try killAtRandomMoments(scene, kills: 10)
    }

    private func killAtRandomMoments(_ scene: CrashScene, kills wanted: Int) throws {
        let started = ContinuousClock.now
        try #require(try scene.workspace.run(scene.arguments).status == 0)
        let life = (ContinuousClock.now - started).components
        let microseconds = Double(life.seconds) * 1e6 + Double(life.attoseconds) * 1e-12
        try scene.clear()
        var random = SystemRandomNumberGenerator()
        var kills = 0
        while kills < wanted * CrashScene.rounds {
            let isBegun = try scene.hasCheckpoint()
            if !isBegun { try scene.clear() }
            let command = try scene.workspace.start(isBegun ? ["train", "--resume", "run"] : scene.arguments)
            usleep(UInt32(Double.random(in: 0...microseconds, using: &random)))
            command.send(SIGKILL)
            let result = try command.finish()
            kills += result.status == 128 + SIGKILL ? 1 : 0
            #expect(scene.damaged() == [])
            // Through, with or without a kill too late.
            if result.status == 0 || result.status == 64 || kills % 5 == 0 {
                try scene.finish()
                #expect(try scene.differences() == [])
                try scene.clear()
            }
        }
    }

    /// Every system call that writes fails once, in each way that it can.
    @Test(arguments: ["EIO", "EACCES", "ENOSPC", "SHORT", "KILL", "TEAR"])
    func everyFailingCall(_ kind: String) throws {
        let scene = try CrashScene()
        let shim = try Self.shim(in: scene.workspace)
        let count = scene.workspace.file("count")
        func run(call: Int) throws -> CommandResult {
            try RunningCommand(
                scene.arguments, in: scene.workspace.url,
                environment: [
                    "LD_PRELOAD": shim.path, "FAULT_FOLDER": scene.workspace.file("run").path,
                    "FAULT_KIND": kind,
                    "FAULT_CALL": "\(call)", "FAULT_COUNT": count.path,
                ]
            ).finish()
        }
        try #require(try run(call: 0).status == 0)
        let text = try String(contentsOf: count, encoding: .utf8)
        let calls = try #require(Int(text.trimmingCharacters(in: .whitespacesAndNewlines)))
        try #require(calls > 100, "the faults are not where the run writes")
        #expect(try scene.differences() == [])
        // The short version spreads a few calls over the run, others each time.
        let step = CrashScene.rounds > 1 ? 1 : calls / 8
        for call in stride(from: Int.random(in: 1...step), through: calls, by: step) {
            try scene.clear()
            let result = try run(call: call)
            switch kind {
            case "KILL", "TEAR": #expect(result.status == 128 + SIGKILL, "call \(call): \(result.errors)")
            case "SHORT": #expect(result.status == 0, "call \(call): \(result.errors)")
            default:
                // A file that could not be removed, or synced on the way out, is no reason to fail.
                #expect(
                    result.status == 0 || (result.status == 74 && result.errorLines.count == 1),
                    "call \(call): status \(result.status) \(result.errors)")
            }
            #expect(scene.damaged() == [], "call \(call)")
            try scene.finish()
            #expect(try scene.differences() == [], "\(kind) at call \(call)")
        }
    }

    private static func shim(in workspace: Workspace) throws -> URL {
        let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("scripts/faults/faults.c")
        let library = workspace.file("faults.so")
        let compiler = Process()
        compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        compiler.arguments = ["cc", "-shared", "-fPIC", "-O1", "-o", library.path, source.path]
        try compiler.run()
        compiler.waitUntilExit()
        try #require(compiler.terminationStatus == 0, "no C compiler for \(source.path)")
        return library
    }

    /// From each checkpoint of a run, in each phase, before and after the compaction: the same bytes.
    @Test(arguments: [
        "--budget 12 --accumulate 2 --batch-size 4 --adapter-dropout 0.1 --early-stopping 3",
        "--budget 12 --orthogonality squared --importance sensitivity",
        "--budget 20 --allocator exchange --allocate-every 2",
        "--budget-parameters 1k --importance random",
        "--budget 36 --allocator fixed --initialize activation-svd",
        "--method lora --average-rank 2 --head-dropout 0.2",
        "--method full --learning-rate 1e-4",
    ])
    func fromEveryCheckpoint(_ settings: String) throws {
        let options =
            settings.split(separator: " ").map(String.init)
            + [
                "--checkpoint-every", "1", "--keep-checkpoints", "1000", "--evaluate-every", "5", "--threads",
                "1",
            ]
        let scene = try CrashScene(options, steps: 40)
        let names = try FileManager.default.contentsOfDirectory(
            atPath: scene.workspace.file("whole/checkpoints").path)
        let steps = names.compactMap { Int($0.dropFirst(5)) }.sorted().dropLast()
        try #require(steps.count >= 15)
        var resumed = 0
        for step in steps where CrashScene.rounds > 1 || step % 9 == 4 {
            try scene.clear()
            try FileManager.default.copyItem(
                at: scene.workspace.file("whole"), to: scene.workspace.file("run"))
            let result = try scene.workspace.run(
                ["train", "--resume", "run/checkpoints/step-\(step)", "--checkpoint-every", "1000"])
            try #require(result.status == 0, "step \(step): \(result.errors)")
            #expect(try scene.differences() == [], "step \(step)")
            let left = try scene.workspace.contents(of: "run/checkpoints").filter { !$0.contains("/") }
            #expect(left.count == steps.filter { $0 <= step }.count + 1)
            resumed += 1
        }
        #expect(resumed > 0)
    }

    /// SIGTERM in each phase: the step ends, the state is saved, and nothing else happens before the process ends.
    @Test(arguments: [(2, "warmup"), (14, "budgeting"), (60, "final")])
    func toldToEnd(_ step: Int, _ phase: String) throws {
        let options = ["--budget", "12", "--evaluate-every", "7", "--threads", "1", "--allocate-every", "2"]
        let scene = try CrashScene(options + ["--batch-size", "60"], steps: 90)
        let command = try scene.workspace.start(scene.arguments)
        try waitUntilSeen(command, scene.workspace, "\"event\":\"step\",\"step\":\(step),")
        command.send(SIGTERM)
        let seen = try scene.workspace.events("run", "step").count
        let result = try command.finish()
        try #require(result.status == 128 + SIGTERM, "\(result.errors)")
        let end = try #require(try scene.workspace.events("run", "end").last)
        #expect(end["reason"]?.string == "interrupted")
        // Steps that ended while the signal was on its way, and the one at work.
        #expect(try #require(end["step"]?.int) <= seen + 10)
        let phases = try scene.workspace.events("run", "step").map { $0["phase"]?.string }
        #expect(phases.contains(phase), "\(phases)")
        try scene.finish()
        #expect(try scene.differences() == [])
    }

    /// SIGTERM within an evaluation: it is given up, and happens first when the run goes on.
    @Test func toldToEndWhileEvaluating() throws {
        let options = [
            "--budget", "12", "--evaluate-every", "6", "--threads", "1", "--early-stopping", "1",
            "--tensorboard",
            "--keep-checkpoints", "9",
        ]
        let workspace = try stoppedInEvaluation(after: 6, of: 24, options)
        #expect(try workspace.events("run", "evaluation").isEmpty)
        #expect(try workspace.events("run", "end").last?["step"]?.int == 6)
        // Again from there, as after a kill behind the evaluation: it does not stand twice in TensorBoard.
        for point in ["run", "run/checkpoints/step-6"] {
            let resumed = try workspace.run(["train", "--resume", point])
            try #require(resumed.status == 0, "\(resumed.errors)")
            let tag = "Loss/validation"
            let values = try ["run", "whole"].map {
                try TensorBoardTests.scalars(TensorBoardTests.events(workspace, $0), tag)
            }
            #expect(values[0].map(\.step) == values[1].map(\.step) && values[0].first?.step == 6)
        }
        let evaluations = try ["run", "whole"].map {
            try workspace.events($0, "evaluation").map { $0.without(DeterminismTests.volatile) }
        }
        #expect(evaluations[0] == evaluations[1] && !evaluations[0].isEmpty)
        let weights = "adapter-last/adapter_model.safetensors"
        #expect(try workspace.bytes("run/\(weights)") == workspace.bytes("whole/\(weights)"))
    }

    /// As above, where the last step allocates as well: its ranks and triplets stand once.
    @Test func toldToEndInTheLastEvaluation() throws {
        let options = ["--budget", "12", "--final-fraction", "0", "--threads", "1", "--tensorboard"]
        let workspace = try stoppedInEvaluation(after: 6, of: 6, options)
        let resumed = try workspace.run(["train", "--resume", "run"])
        try #require(resumed.status == 0, "\(resumed.errors)")
        for name in ["ranks.csv", "triplets.jsonl"] {
            #expect(try workspace.bytes("run/\(name)") == workspace.bytes("whole/\(name)"), "\(name)")
        }
        let pictures = try ["run", "whole"].map { run in
            try TensorBoardTests.events(workspace, run).flatMap(\.values)
                .count { $0.tag == "Ranks/layers_by_roles" }
        }
        #expect(pictures[0] == pictures[1] && pictures[0] > 0)
    }

    /// A workspace with the run `whole`, and `run`, which was told to end in the evaluation after a step.
    private func stoppedInEvaluation(after step: Int, of steps: Int, _ options: [String]) throws -> Workspace
    {
        let workspace = try Workspace()
        let rows = Workspace.jsonLines(rows: 60, places: ["meal", "show"])
        try workspace.write(String(repeating: rows, count: 500), to: "long.jsonl")
        let whole = try workspace.run(
            Workspace.training(output: "whole", steps: steps, validation: "long.jsonl", options))
        try #require(whole.status == 0, "\(whole.errors)")
        let command = try workspace.start(
            Workspace.training(steps: steps, validation: "long.jsonl", options))
        try waitUntilSeen(command, workspace, "\"event\":\"step\",\"step\":\(step),")
        command.send(SIGTERM)
        let result = try command.finish()
        try #require(result.status == 128 + SIGTERM, "\(result.errors)")
        return workspace
    }

    /// Waits until a text stands in the events of `run`.
    private func waitUntilSeen(_ command: RunningCommand, _ workspace: Workspace, _ text: String) throws {
        while command.isRunning {
            let events = (try? workspace.bytes("run/events.jsonl")) ?? Data()
            if events.range(of: Data(text.utf8)) != nil { return }
            usleep(500)
        }
        throw CommandFailure(description: "the run ended before \(text) was seen")
    }

    /// Our own files, cut at every length or with a bit turned over: found out, always.
    @Test func everyCutAndTurnedBitIsFound() throws {
        let scene = try CrashScene()
        var cuts = 0
        var bits = 0
        for name in ["checkpoints/step-12", "adapter", "adapter-last"] {
            let folder = scene.workspace.file("whole/\(name)")
            for file in try scene.workspace.contents(of: "whole/\(name)") {
                let path = folder.appendingPathComponent(file)
                let original = try Data(contentsOf: path)
                let isLong = original.count > 20_000
                let step = CrashScene.rounds > 1 || !isLong ? 1 : 997
                for length in stride(from: original.count - 1, through: 0, by: -step) {
                    truncate(path.path, off_t(length))
                    #expect(throws: ModelFileError.self, "\(name)/\(file) cut to \(length)") {
                        try FolderManifest.check(folder, advice: "")
                    }
                    cuts += 1
                }
                for _ in 0..<(CrashScene.rounds > 1 ? 1500 : 60) {
                    var changed = original
                    changed[Int.random(in: 0..<original.count)] ^= 1 << UInt8.random(in: 0..<8)
                    try changed.write(to: path)
                    #expect(throws: ModelFileError.self, "\(name)/\(file) with a bit turned over") {
                        try FolderManifest.check(folder, advice: "")
                    }
                    bits += 1
                }
                try original.write(to: path)
            }
            try FolderManifest.check(folder, advice: "")
        }
        #expect(cuts > 3000 && bits > 500, "\(cuts) cuts, \(bits) bits")
    }
}
