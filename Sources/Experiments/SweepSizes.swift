import Messages
import RunRecords

/// What ranks cost.
package struct SweepSizes: Sendable {
    package let matrices: [RunRecord.Site]

    package init(matrices: [RunRecord.Site]) { self.matrices = matrices }

    /// Σ (outputs + inputs): what rank 1 everywhere costs LoRA.
    package var parametersPerRank: Int { matrices.reduce(0) { $0 + $1.pairParameters } }

    /// A row for each size of matrix, with how many there are of it, a column for each rank, and a total.
    package func table(ranks: [Int]) -> String {
        var columns: [(header: String, alignment: TextTable.Alignment)] = [
            ("matrix", .left), ("count", .right), ("size", .right),
        ]
        columns += ranks.map { ("r = \($0)", .right) }
        var table = TextTable(columns)
        var groups: [(first: RunRecord.Site, count: Int)] = []
        for matrix in matrices {
            // layer.3.query and layer.4.query are one row.
            let at = groups.firstIndex {
                $0.first.role == matrix.role && $0.first.outputs == matrix.outputs
                    && $0.first.inputs == matrix.inputs
            }
            if let at { groups[at].count += 1 } else { groups.append((matrix, 1)) }
        }
        for (matrix, count) in groups {
            table.add(
                [matrix.role, String(count), "\(matrix.outputs) × \(matrix.inputs)"]
                    + ranks.map { Figures.grouped($0 * matrix.pairParameters) })
        }
        table.add(
            ["all", String(matrices.count), ""] + ranks.map { Figures.grouped($0 * parametersPerRank) })
        return table.terminal(width: 100).joined(separator: "\n") + "\n"
    }

    /// What a sweep will take, before it runs.
    package struct Estimate: Sendable, Equatable {
        package let runs: Int
        /// Of all runs, none given up.
        package let seconds: Double
    }

    /// - Parameter secondsPerStep: measured or guessed, by rank.
    package func estimate(_ planner: SweepPlanner, steps: Int, secondsPerStep: (Int) -> Double) -> Estimate {
        let runs = planner.runs
        return Estimate(
            runs: runs.count, seconds: runs.reduce(0) { $0 + Double(steps) * secondsPerStep($1.rank) })
    }
}

extension SweepPlanner {
    /// A row for each rank: what it costs, the metric of the fixed rank and of each other arm at the same
    /// budget, mean ± standard deviation over seeds, and how far the arm's mean is from the fixed rank's.
    package func table(_ outcomes: [SweepOutcome], sizes: SweepSizes) -> String {
        var columns: [(header: String, alignment: TextTable.Alignment)] = [
            ("rank", .right), ("parameters", .right), ("n", .right), (Self.fixedArm, .left),
        ]
        columns += otherArms.flatMap { arm in
            [("n", TextTable.Alignment.right), (arm, .left), ("difference", .left)]
        }
        var table = TextTable(columns)
        let fixed = summaries(arm: Self.fixedArm, outcomes)
        let others = otherArms.map { summaries(arm: $0, outcomes) }
        for (index, (rank, summary)) in fixed.enumerated() {
            var cells = [String(rank), Figures.grouped(rank * sizes.parametersPerRank)]
            cells += self.cells(Self.fixedArm, rank, summary, outcomes)
            for (arm, points) in zip(otherArms, others) {
                let other = points[index].summary
                let difference = summary.flatMap { base in other.map { $0.mean - base.mean } }
                cells += self.cells(arm, rank, other, outcomes)
                cells.append(difference.map { Figures.signed($0) } ?? "–")
            }
            table.add(cells)
        }
        return table.terminal(width: 100).joined(separator: "\n") + "\n"
    }

    private func cells(
        _ arm: String, _ rank: Int, _ summary: Summary?, _ outcomes: [SweepOutcome]
    ) -> [String] {
        let isGivenUp = outcomes.contains { $0.run.arm == arm && $0.run.rank == rank && $0.value == nil }
        return [
            String(summary?.count ?? 0), summary.map(Figures.spread) ?? (isGivenUp ? "given up" : "–"),
        ]
    }
}
