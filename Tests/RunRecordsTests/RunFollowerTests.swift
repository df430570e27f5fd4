import Foundation
import Reports
import RunFolders
import RunRecords
import Testing

/// Writes a run's log piece by piece, as the run would.
private final class GrowingLog {
    let fixture = RunFolderFixture.small()
    var file: URL { fixture.url.appendingPathComponent("events.jsonl") }

    /// The log's first `lines` lines, then `torn` without a line end.
    func write(lines: Int, torn: String = "") throws {
        try fixture.write()
        let text = fixture.events.prefix(lines).map { $0 + "\n" }.joined() + torn
        // In place, as a run appends: the file stays the same one.
        let handle = try FileHandle(forUpdating: file)
        try handle.truncate(atOffset: 0)
        try handle.write(contentsOf: Data(text.utf8))
        try handle.close()
    }
}

@Suite struct RunFollowerTests {
    private let log = GrowingLog()

    @Test func takesOnlyWhatWasAdded() throws {
        var follower = RunFollower(folder: log.fixture.url)
        try log.write(lines: 5)
        #expect(try follower.poll() == .more)
        #expect(follower.record?.lastStep == 4)
        #expect(try follower.poll() == .nothing)
        try log.write(lines: 12)
        #expect(try follower.poll() == .more)
        #expect(follower.record?.steps.map(\.step) == Array(1...10))
        // The log's ranks, and before the first allocation those of ranks.csv.
        #expect(follower.record?.rankTables.map(\.step) == [0, 8])
        #expect(follower.record?.rankTables.last?.ranks == [2, 2, 3, 3, 2, 3, 1, 2, 3, 2, 1, 3])
    }

    @Test func aLineThatIsStillWrittenWaits() throws {
        var follower = RunFollower(folder: log.fixture.url)
        let line = log.fixture.events[3]
        try log.write(lines: 3, torn: String(line.prefix(20)))
        #expect(try follower.poll() == .more)
        #expect(follower.record?.lastStep == 2)
        try log.write(lines: 4)
        #expect(try follower.poll() == .more)
        #expect(follower.record?.lastStep == 3)
    }

    @Test func wholeLogsReadAsRunRecordsDo() throws {
        var follower = RunFollower(folder: log.fixture.url)
        for lines in stride(from: 3, through: log.fixture.events.count + 2, by: 3) {
            try log.write(lines: lines)
            _ = try follower.poll()
        }
        let followed = try #require(follower.record)
        let read = try log.fixture.record()
        #expect(followed.steps == read.steps)
        #expect(followed.allocations == read.allocations)
        #expect(followed.evaluations == read.evaluations)
        #expect(followed.end == read.end)
        #expect(followed.rankTables.last == read.rankTables.last)
    }

    /// A resumed run cuts its log at the checkpoint and writes on, here beyond where it had been before.
    @Test(arguments: [10, 30]) func aCutLogIsReadAgain(linesAfter: Int) throws {
        var follower = RunFollower(folder: log.fixture.url)
        try log.write(lines: 25)
        _ = try follower.poll()
        log.fixture.events.removeSubrange(8...)
        log.fixture.addStart(completedSteps: 6)
        for step in 7...40 { log.fixture.addStep(step, loss: "0.25") }
        try log.write(lines: linesAfter)
        #expect(try follower.poll() == .again)
        #expect(follower.record?.resumedAfter == [6])
        #expect(follower.record?.steps.last?.loss == 0.25)
        #expect(follower.record?.lastStep == linesAfter - 3)
    }

    @Test func noRunIsAnErrorAndABrokenLineToo() throws {
        var nowhere = RunFollower(folder: URL(fileURLWithPath: "/nowhere/run"))
        let missing = #expect(throws: RecordError.self) { _ = try nowhere.poll() }
        #expect(
            missing?.description
                == "/nowhere/run: this is not a run folder: it has no events.jsonl; give the folder "
                + "that 'adalora train' writes, or wait for it with --wait")
        try log.write(lines: 2, torn: "{\"event\":\"step\"}\n")
        var follower = RunFollower(folder: log.fixture.url)
        let broken = #expect(throws: RecordError.self) { _ = try follower.poll() }
        #expect(broken?.line == 3)
    }

    @Test func nobodyWritesTheFixture() throws {
        try log.write(lines: 2)
        #expect(RunFollower(folder: log.fixture.url).isWritten == false)
    }
}

@Suite struct LiveReportTests {
    @Test func thePictureKeepsToTheWindow() throws {
        let run = try RunFolderFixture.small(ended: false).record()
        for width in [40, 80, 132] {
            for height in [6, 12, 24, 50] {
                for unicode in [true, false] {
                    let lines = LiveReport.picture(
                        run, style: Style(width: width, unicode: unicode), height: height)
                    #expect(lines.count <= height)
                    // Six columns of ranks and their sums take 52 characters, and are not cut.
                    #expect(lines.allSatisfy { $0.count <= max(width, 60) }, "\(width) \(lines)")
                    if !unicode { #expect(lines.allSatisfy { $0.allSatisfy(\.isASCII) }, "\(lines)") }
                }
            }
        }
    }

    @Test func thePictureShowsTheRun() throws {
        let run = try RunFolderFixture.small(ended: false).record()
        let text = LiveReport.picture(run, style: Style(width: 100), height: 40).joined(separator: "\n")
        for part in [
            "adalora, 12 matrices, running", "step 40 of 40", "loss 1.2500", "final", "4,096 tokens/s",
            "validation loss 0.5000, accuracy 0.7500, matthews undefined  (best so far)", "attn-out",
        ] { #expect(text.contains(part), "\(part)\n\(text)") }
        // Colors only where asked for.
        #expect(!text.contains("\u{1B}"))
        #expect(
            LiveReport.picture(run, style: Style(color: true), height: 40).joined().contains("\u{1B}[48;5;"))
    }

    @Test func linesTellEachThingOnce() throws {
        let run = try RunFolderFixture.small().record()
        var lines = LiveLines(style: Style())
        let first = lines.news(run, .more)
        #expect(
            first == [
                "adalora: 40 steps, 12 matrices, budget 36 to 9 triplets",
                "step 24: ranks are final, 330 trainable parameters",
                "step 40: validation loss 0.5000, accuracy 0.7500, matthews undefined  (best so far)",
                "step 40 of 40  loss 1.2500  final  budget 36  4,096 tokens/s",
            ])
        #expect(lines.news(run, .more).isEmpty)
    }

    @Test func undefinedLossesAreSaid() throws {
        let fixture = RunFolderFixture()
        fixture.addStart()
        fixture.addRanks(0, [Int](repeating: 3, count: 12))
        fixture.addStep(1, loss: "null")
        let text = LiveReport.picture(try fixture.record(), style: Style(), height: 40).joined(
            separator: "\n")
        #expect(text.contains("not finite, the run diverged"))
    }
}
