import Foundation
import TensorBoard
import Testing

/// `train --tensorboard`. What TensorBoard itself reads there, scripts/interop/check_tensorboard.py holds against the log.
@Suite struct TensorBoardTests {
    static func events(_ workspace: Workspace, _ run: String) throws -> [EventMessage] {
        let names = try workspace.contents(of: "\(run)/tensorboard")
        #expect(names.allSatisfy { $0.hasPrefix("events.out.tfevents.") })
        return try names.flatMap { name in
            try EventRecords.read(workspace.bytes("\(run)/tensorboard/\(name)")).map {
                try #require(EventMessage(serialized: $0.bytes))
            }
        }
    }

    /// Step and value of each event of a tag.
    static func scalars(_ events: [EventMessage], _ tag: String) -> [(step: Int64, value: Float)] {
        events.flatMap { event in
            event.values.filter { $0.tag == tag }.map { (event.step, $0.scalar) }
        }
    }

    @Test func holdsWhatTheLogHolds() throws {
        let workspace = try Workspace()
        let run = try workspace.run(
            Workspace.training(steps: 12, ["--budget", "12", "--tensorboard", "--allocate-every", "2"]))
        try #require(run.status == 0, "\(run.errors)")
        let events = try Self.events(workspace, "run")
        guard case .fileVersion("brain.Event:2")? = events.first?.content else {
            Issue.record("no version comes first")
            return
        }
        let losses = Self.scalars(events, "Loss/train")
        let steps = try workspace.events("run", "step")
        #expect(losses.map(\.step) == Array(1...12))
        #expect(losses.map(\.value) == steps.map { Float($0["loss"]?.double ?? .nan) })
        let allocations = try workspace.events("run", "allocation")
        let ranks = Self.scalars(events, "Ranknum/layer.1.query")
        #expect(ranks.map { Int($0.step) } == allocations.compactMap { $0["step"]?.int })
        let tags = Set(events.flatMap { $0.values.map(\.tag) })
        for tag in ["Budget/total_rank", "Loss/validation", "Metric/accuracy", "_hparams_/session_end_info"] {
            #expect(tags.contains(tag), "\(tags.sorted())")
        }
        let pictures = events.flatMap(\.values).filter { $0.tag == "Ranks/layers_by_roles" }
        #expect(!pictures.isEmpty)
        for picture in pictures {
            // Two rows of six cells, with names and the scale around them.
            guard case .image(let width, let height, _) = picture.content else {
                Issue.record("not a picture: \(picture)")
                continue
            }
            #expect(
                width > 6 * 96 && width < 6 * 120 && height > 3 * 22 && height < 7 * 22,
                "\(width) × \(height)")
        }
        // Without the flag there is nothing.
        try workspace.run(Workspace.training(output: "plain", steps: 2, ["--budget", "12"]))
        #expect(!workspace.exists("plain/tensorboard"))
    }

    /// Nothing twice, nothing missing, whatever the run was cut in, also before its first picture of ranks.
    @Test(arguments: [[], ["--allocate-every", "10", "--warmup-fraction", "0.7", "--final-fraction", "0"]])
    func aResumedRunDoesNotDouble(_ schedule: [String]) throws {
        let workspace = try Workspace()
        let options =
            ["--budget", "12", "--tensorboard", "--checkpoint-every", "4", "--keep-checkpoints", "9"]
            + schedule
        try #require(try workspace.run(Workspace.training(steps: 12, options)).status == 0)
        let before = try Self.events(workspace, "run")
        // A torn end, as of a process that was killed while it wrote.
        let name = try #require(try workspace.contents(of: "run/tensorboard").last)
        let file = workspace.file("run/tensorboard/\(name)")
        try workspace.bytes("run/tensorboard/\(name)").dropLast(3).write(to: file)
        for step in [8, 4] {
            let resumed = try workspace.run(["train", "--resume", "run/checkpoints/step-\(step)"])
            try #require(resumed.status == 0, "\(resumed.errors)")
            let after = try Self.events(workspace, "run")
            for tag in ["Loss/train", "Budget/total_rank", "Ranknum/layer.0.key", "Loss/validation"] {
                let (old, new) = (Self.scalars(before, tag), Self.scalars(after, tag))
                #expect(old.map(\.step) == new.map(\.step) && old.map(\.value) == new.map(\.value), "\(tag)")
            }
            for tag in [
                "Ranks/layers_by_roles", "_hparams_/session_start_info", "_hparams_/session_end_info",
            ] {
                let counts = [before, after].map { $0.flatMap(\.values).count { $0.tag == tag } }
                #expect(counts[0] == counts[1] && counts[0] > 0, "\(tag): \(counts)")
            }
            let pictures = [before, after].map { events in
                events.flatMap(\.values).compactMap {
                    if case .image(_, _, let png) = $0.content { png } else { nil }
                }
            }
            #expect(pictures[0] == pictures[1], "ranks have other colors after a resume")
        }
    }

    /// Training does not depend on it.
    @Test func aLogThatCannotBeWrittenIsAWarning() throws {
        let workspace = try Workspace()
        try #require(
            try workspace.run(
                Workspace.training(output: "cut", steps: 8, ["--budget", "12", "--checkpoint-every", "4"])
            ).status == 0)
        try workspace.write("not a folder", to: "cut/tensorboard")
        let resumed = try workspace.run(["train", "--resume", "cut/checkpoints/step-4"])
        #expect(resumed.status == 0, "\(resumed.errors)")
        #expect(resumed.errors.contains("warning: no more events for TensorBoard"))
    }
}
