import Foundation
import RunRecords
import Runs

/// How far a run in another process is, as its records tell.
package struct RunProgress: Sendable, Equatable {
    package enum Stage: String, Sendable {
        case training
        /// On the validation rows, after the last step.
        case evaluating
        /// On the test rows, after the run.
        case testing
    }

    package let stage: Stage
    package let step: Int
    package let totalSteps: Int
    /// Mean of the last steps, see `lossWindow`; nil before the first.
    package let loss: Double?
    /// Of the steps that are left, if they take as long as those so far and the evaluations between them; nil before the
    /// first.
    package let secondsLeft: Double?

    package init(_ record: RunRecord, stage: Stage? = nil) {
        step = record.lastStep
        totalSteps = record.start.totalSteps
        self.stage = stage ?? (step < totalSteps ? .training : .evaluating)
        let losses = record.steps.suffix(Self.lossWindow(totalSteps)).map(\.loss)
        loss = losses.isEmpty ? nil : losses.reduce(0, +) / Double(losses.count)
        guard !record.steps.isEmpty else {
            secondsLeft = nil
            return
        }
        let seconds = record.steps.map(\.seconds) + record.evaluations.map(\.seconds)
        let each = seconds.filter(\.isFinite).reduce(0, +) / Double(record.steps.count)
        secondsLeft = each * Double(max(totalSteps - step, 0))
    }

    /// Steps whose mean loss is shown: a twentieth of the run, so that it does not lag behind a short one.
    package static func lossWindow(_ totalSteps: Int) -> Int { min(max(totalSteps / 20, 1), 50) }
}

/// Looks at the records of a run now and then.
struct RunWatch {
    private var follower: RunFollower
    private let every: Duration
    private let clock = ContinuousClock()
    private var looked: ContinuousClock.Instant

    /// - Parameter every: between two looks, the first of them so long from now.
    init(_ folder: URL, every: Duration) {
        follower = RunFollower(folder: folder)
        self.every = every
        looked = clock.now
    }

    /// What the records say; nil where it is not yet time, and where there is nothing new.
    mutating func look() -> RunRecord? {
        guard clock.now - looked >= every else { return nil }
        looked = clock.now
        // Who begins has no records yet. What is damaged is told when the run has ended.
        guard let change = try? follower.poll(), change != .nothing else { return nil }
        return follower.record
    }
}

/// When all runs will have ended, by those that have and by the one at work.
package struct RunPace {
    private let clock = ContinuousClock()
    private var begun: ContinuousClock.Instant
    private var seconds: [Double] = []

    init() { begun = clock.now }

    mutating func begin() { begun = clock.now }

    /// - Returns: seconds of the run.
    mutating func end() -> Double {
        let taken = (clock.now - begun).seconds
        seconds.append(taken)
        return taken
    }

    /// nil before the first has ended.
    var secondsEach: Double? { seconds.isEmpty ? nil : seconds.reduce(0, +) / Double(seconds.count) }

    /// - Parameter others: runs after the one at work.
    /// - Returns: nil where nothing tells.
    func secondsLeft(_ progress: RunProgress, others: Int) -> Double? {
        Self.secondsLeft(
            progress, elapsed: (clock.now - begun).seconds, each: secondsEach, others: others)
    }

    package static func secondsLeft(
        _ progress: RunProgress, elapsed: Double, each: Double?, others: Int
    ) -> Double? {
        // Evaluations after the last step take time too: as much as in the runs before.
        let usual = each.map { max($0 - elapsed, 0) }
        guard let own = progress.secondsLeft.map({ max($0, usual ?? 0) }) ?? usual else { return nil }
        return own + (each ?? (elapsed + own)) * Double(others)
    }
}
