import Foundation
import Reports
import RunRecords
import Tasks

/// Which of several runs does best by each metric, at the evaluations that they keep.
struct BestRuns: Sendable {
    struct Row: Sendable {
        let name: String
        /// By run; nil where it has no such value.
        let values: [Double?]
        /// Runs whose value no other run's is better than; empty where they cannot be compared.
        let best: [Int]
    }

    let runs: [ReportedRun]
    /// Why none is marked; nil where the best are.
    let problem: String?

    init(_ runs: [ReportedRun]) {
        self.runs = runs
        let rows = Set(
            runs.compactMap { run in run.record.start.hashes.first { $0.name == "validation" }?.value })
        let isJudged = runs.count { $0.keptEvaluation != nil } > 1
        problem =
            !isJudged
            ? "fewer than two runs have evaluations"
            : rows.count > 1 ? "the runs were evaluated on different rows" : nil
    }

    /// The loss, then metrics in the order of the runs.
    var rows: [Row] {
        var names = ["loss"]
        for name in runs.flatMap(\.metricNames) where !names.contains(name) { names.append(name) }
        return names.map { name in
            let values = runs.map { $0.keptEvaluation?.figure(name) }
            return Row(name: name, values: values, best: best(values, by: name))
        }
    }

    /// Runs to mark in a row about what each is judged by.
    var judged: [Int] {
        let names = Set(runs.compactMap(\.bestMetric))
        guard names.count == 1, let name = names.first else { return [] }
        return best(runs.map { $0.keptEvaluation?.figure(name) }, by: name)
    }

    private func best(_ values: [Double?], by name: String) -> [Int] {
        let metric = name == "loss" ? .loss : Metric(rawValue: name)
        guard problem == nil, let metric else { return [] }
        return Self.best(values, metric)
    }

    /// Positions of the best value, of all equal ones; empty where fewer than two values are known.
    static func best(_ values: [Double?], _ metric: Metric) -> [Int] {
        let known = values.compactMap { $0 }.filter(\.isFinite)
        guard known.count > 1 else { return [] }
        return values.indices.filter { at in
            guard let value = values[at], value.isFinite else { return false }
            return !known.contains { metric.isBetter($0, than: value) }
        }
    }
}
