import ModelFiles

extension ComparisonTable {
    /// Everything that the table says, numbers in full; null where something is not known.
    package func json() -> JSONValue {
        .object([
            "name": .string(plan.name), "metric": .string(plan.metric.rawValue),
            "baseline": .string(plan.baseline), "uninformed": Self.number(uninformed),
            "finished": JSONValue(reported.finished), "total": JSONValue(reported.total),
            "rows": .array(rows.map(json)),
            "conclusions": .array(conclusions.map { .string($0) }),
            "warnings": .array(warnings.map { .string($0) }),
        ])
    }

    private func json(_ row: Row) -> JSONValue {
        var ranks = JSONObject()
        for (site, rank) in (row.ranks?.bySite ?? [:]).sorted(by: { $0.key < $1.key }) {
            ranks[site] = .number(rank)
        }
        return .object([
            "arm": .string(row.arm), "budget": row.budget?.json ?? .null,
            "isBaseline": .bool(row.isBaseline), "expected": JSONValue(row.expected),
            "failed": JSONValue(row.failed), "mean": Self.number(row.metric?.mean),
            "sd": Self.number(row.metric?.deviation), "difference": json(row.difference),
            "learningRates": .array(row.learningRates.map { .number($0) }),
            "trainableParameters": Self.number(row.trainableParameters),
            "parametersAtStart": Self.number(row.parametersAtStart),
            "adapterParameters": Self.number(row.adapterParameters),
            "secondsPerStep": Self.number(row.secondsPerStep),
            "peakMemoryBytes": row.peakMemoryBytes.map { JSONValue($0) } ?? .null, "ranks": .object(ranks),
            "runs": .array(
                row.results.map { result in
                    .object([
                        "id": .string(result.id), "seed": TrialResult.json(result.seed),
                        "fold": result.fold.map { JSONValue($0) } ?? .null,
                        "value": Self.number(result.test(plan.metric)),
                        "collapsed": .bool(row.isCollapsed(result)),
                    ])
                }),
        ])
    }

    private func json(_ difference: PairedDifference?) -> JSONValue {
        guard let difference else { return .null }
        func bounds(_ interval: ClosedRange<Double>?) -> JSONValue {
            interval.map { .array([Self.number($0.lowerBound), Self.number($0.upperBound)]) } ?? .null
        }
        return .object([
            "pairs": JSONValue(difference.count), "folds": JSONValue(difference.foldCount),
            "mean": Self.number(difference.mean),
            "interval": bounds(difference.interval),
            "resampled": difference.levels.map { .string($0.rawValue) } ?? .null,
            "student": bounds(difference.studentInterval),
        ])
    }

    /// JSON has no NaN.
    private static func number(_ value: Double?) -> JSONValue {
        value.flatMap { $0.isFinite ? .number($0) : nil } ?? .null
    }
}
