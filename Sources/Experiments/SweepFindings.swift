import Messages

extension SweepPlanner {
    /// Where the other arms put their rank; nil without any. A fixed rank is the same everywhere.
    package func rankTables(_ outcomes: [SweepOutcome]) -> RankTables? {
        RankTables(
            otherArms.map { arm in
                (
                    arm,
                    ranks.compactMap { rank in
                        let runs = outcomes.filter { $0.run.arm == arm && $0.run.rank == rank }
                        return MeanRanks(runs.map(\.ranks)).map {
                            RankTables.Row(name: "at rank \(rank)'s parameters", ranks: $0)
                        }
                    }
                )
            })
    }

    /// A line for each run that fell far below the others of its arm and rank, see `Collapse`.
    package func collapses(_ outcomes: [SweepOutcome]) -> [String] {
        ([Self.fixedArm] + otherArms).flatMap { arm in
            ranks.flatMap { rank -> [String] in
                let runs = outcomes.filter { $0.run.arm == arm && $0.run.rank == rank && $0.value != nil }
                let truth = runs.lazy.compactMap(\.truth).first
                return Collapse.find(
                    runs.map { $0.value ?? .nan }, metric: metric, uninformed: metric.uninformed(truth),
                    rows: truth?.count
                ).map { collapse in
                    "\(arm) rank \(rank): seed \(runs[collapse.index].run.seed) collapsed to \(metric.rawValue) "
                        + "\(Figures.fixed(collapse.value, 4)) where the median of the others is "
                        + "\(Figures.fixed(collapse.others, 4)); counted in the mean"
                }
            }
        }
    }
}
