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
                            RankTables.Row(name: "parameters of rank \(rank)", ranks: $0)
                        }
                    }
                )
            })
    }

    /// What the other arms have in their adapters and train in all, beside the fixed ranks; mean over seeds. nil without
    /// runs that went to their end.
    package func parameterTable(_ outcomes: [SweepOutcome], width: Int) -> [String]? {
        var table = SectionTable([
            ("fixed rank", .right), ("adapters", .right), ("trained", .right), ("at start", .right),
        ])
        func mean(_ values: [Int]) -> String {
            Summary(values.map(Double.init)).map { Figures.whole($0.mean) } ?? "–"
        }
        for arm in otherArms {
            table.add(
                "parameters of \(arm)",
                ranks.compactMap { rank in
                    let found = parameters(arm, rank, outcomes)
                    let fixed = parameters(Self.fixedArm, rank, outcomes)
                    guard !found.isEmpty else { return nil }
                    return [
                        "rank \(rank)", mean(fixed.map(\.adapters)), mean(found.map(\.adapters)),
                        mean(found.map(\.trained)), mean(found.map(\.atStart)),
                    ]
                })
        }
        let lines = table.terminal(width: width)
        return lines.isEmpty ? nil : lines
    }

    private func parameters(
        _ arm: String, _ rank: Int, _ outcomes: [SweepOutcome]
    ) -> [SweepOutcome.Parameters] {
        outcomes.filter { $0.run.arm == arm && $0.run.rank == rank }.compactMap(\.parameters)
    }

    /// A line for each rank whose arms ended with other numbers of parameters than the fixed rank.
    package func unequalParameters(_ outcomes: [SweepOutcome]) -> [String] {
        ranks.flatMap { rank in
            otherArms.compactMap { arm -> String? in
                func mean(_ arm: String) -> Double? {
                    Summary(parameters(arm, rank, outcomes).map { Double($0.adapters) })?.mean
                }
                guard let fixed = mean(Self.fixedArm), let own = mean(arm),
                    max(own, fixed) > min(own, fixed) * (1 + ParameterMatch.tolerance)
                else { return nil }
                let share = Figures.fixed(100 * abs(own / fixed - 1), 1)
                return
                    "unequal parameters at rank \(rank): \(arm) ends with \(Figures.whole(own)) in its adapters, \(share) % "
                    + "\(own > fixed ? "more" : "fewer") than the fixed rank with \(Figures.whole(fixed)). A budget is spent "
                    + "in whole triplets, and what is less than one more is left. At larger ranks that is a smaller share"
            }
        }
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
