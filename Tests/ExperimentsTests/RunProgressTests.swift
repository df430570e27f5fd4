import Experiments
import RunFolders
import RunRecords
import Testing

@Suite struct RunProgressTests {
    /// Steps of 0.125 s.
    private func run(to last: Int, of total: Int = 40) throws -> RunRecord {
        let run = RunFolderFixture()
        run.addStart(totalSteps: total)
        run.addRanks(0, [Int](repeating: 3, count: 12))
        for step in 1..<(last + 1) { run.addStep(step, loss: "\(step)") }
        return try run.record()
    }

    @Test func untilTheEnd() throws {
        let progress = RunProgress(try run(to: 30))
        // 10 steps are left; the mean is that of a twentieth, the last 2 steps.
        #expect(progress.step == 30 && progress.totalSteps == 40 && progress.stage == .training)
        #expect(progress.loss == 29.5 && progress.secondsLeft == 1.25)
        let evaluating = RunProgress(try run(to: 40))
        #expect(evaluating.stage == .evaluating && evaluating.secondsLeft == 0)
        #expect(RunProgress(try run(to: 40), stage: .testing).stage == .testing)
        let begun = RunProgress(try run(to: 0))
        #expect(begun.step == 0 && begun.loss == nil && begun.secondsLeft == nil)
    }

    /// An evaluation between the steps takes time too: 0.25 s in 40 steps.
    @Test func evaluationsCount() throws {
        let run = RunFolderFixture.small(ended: false)
        let record = try run.record()
        #expect(RunProgress(record).secondsLeft == 0)
        let longer = RunFolderFixture()
        longer.addStart(totalSteps: 80)
        longer.events += run.events.dropFirst()
        longer.ranks = run.ranks
        let left = try #require(RunProgress(try longer.record()).secondsLeft)
        #expect(abs(left - (40 * 0.125 + 0.25)) < 1e-9)
    }

    @Test func allRuns() throws {
        let progress = RunProgress(try run(to: 30))
        // Nothing has ended: each takes what this one took, 4 s so far, and has left.
        #expect(RunPace.secondsLeft(progress, elapsed: 4, each: nil, others: 3) == 1.25 + 3 * 5.25)
        // The others took 6 s, so that 2 are left of this one; or no more than its steps.
        #expect(RunPace.secondsLeft(progress, elapsed: 4, each: 6, others: 3) == 20)
        #expect(RunPace.secondsLeft(progress, elapsed: 5, each: 6, others: 3) == 19.25)
        let begun = RunProgress(try run(to: 0))
        #expect(RunPace.secondsLeft(begun, elapsed: 4, each: nil, others: 3) == nil)
        #expect(RunPace.secondsLeft(begun, elapsed: 4, each: 6, others: 3) == 20)
        #expect(RunPace.secondsLeft(begun, elapsed: 9, each: 6, others: 0) == 0)
    }
}
