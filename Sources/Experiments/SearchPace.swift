/// How fast the search runs of an arm were, which tells how many steps it makes in a given time.
struct SearchPace {
    /// Median over the runs; it counts what a step does beside learning, such as allocations.
    private let tokensPerSecond: Double
    /// As many as all of them made
    private let steps: Int

    /// - Returns: nil where no run tells.
    init?(_ results: [TrialResult]) {
        let speeds = results.filter(\.isOK).compactMap(\.tokensPerSecond).filter { $0 > 0 }.sorted()
        guard let steps = results.compactMap(\.steps).max(), !speeds.isEmpty else { return nil }
        self.steps = steps
        tokensPerSecond = Bootstrap.quantile(0.5, ofSorted: speeds)
    }

    /// Steps in the time that the baseline takes for its own: rows are the same for both, so that time is tokens over pace.
    func steps(beside baseline: SearchPace) -> Int {
        max(1, Int((Double(baseline.steps) * tokensPerSecond / baseline.tokensPerSecond).rounded()))
    }
}
