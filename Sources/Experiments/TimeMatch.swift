/// How many steps arms make in the time that the baseline takes for its own, by what their search runs took.
struct TimeMatch {
    /// Of an arm's search runs
    struct Pace: Equatable {
        /// Median over the runs; it counts what a step does beside learning, such as allocations.
        let tokensPerSecond: Double
        /// As many as all of them made
        let steps: Int

        /// - Returns: nil where no run tells.
        init?(_ results: [TrialResult]) {
            let speeds = results.filter(\.isOK).compactMap(\.tokensPerSecond).filter { $0 > 0 }.sorted()
            guard let steps = results.compactMap(\.steps).max(), !speeds.isEmpty else { return nil }
            self.steps = steps
            tokensPerSecond = (speeds[(speeds.count - 1) / 2] + speeds[speeds.count / 2]) / 2
        }
    }

    /// Steps of an arm: rows are the same for all, so that time is tokens over pace.
    static func steps(of arm: Pace, beside baseline: Pace) -> Int {
        let ratio = arm.tokensPerSecond / baseline.tokensPerSecond
        return max(1, Int((Double(baseline.steps) * ratio).rounded()))
    }
}
