import ModelFiles

extension ComparisonTable {
    /// Everything that the table says, numbers in full; null where something is not known.
    package func json() -> JSONValue {
        .object([
            "name": .string(plan.name), "metric": .string(plan.metric.rawValue),
            "baseline": .string(plan.baseline), "uninformed": Self.number(uninformed),
            "finished": JSONValue(reported.finished), "total": JSONValue(reported.total),
            "rows": .array(rows.map(json)),
            "answer": .string(answer), "verdicts": .array(verdicts.map(json)),
            "robustness": robustness.json(searchMetric: plan.search.metric.rawValue),
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
            "isBaseline": .bool(row.isBaseline), "kind": .string(row.kind.rawValue),
            "knob": row.knob.map { .string($0.name) } ?? .null,
            "knobValue": row.knobValue.map { .string($0) } ?? .null, "expected": JSONValue(row.expected),
            "failed": JSONValue(row.failed), "mean": Self.number(row.metric?.mean),
            "sd": Self.number(row.metric?.deviation),
            "meanInterval": Self.bounds(plan.folds == nil ? row.metric?.interval : nil),
            "difference": json(row.difference),
            "forgetting": row.forgetting.map {
                .object([
                    "kl": Self.number($0.divergence.mean), "heldOutLoss": Self.number($0.rise.mean),
                ])
            } ?? .null,
            "learningRates": .array(row.learningRates.map { .number($0) }),
            "trainableParameters": Self.number(row.trainableParameters),
            "parametersAtStart": Self.number(row.parametersAtStart),
            "adapterParameters": Self.number(row.adapterParameters),
            "secondsPerStep": Self.number(row.secondsPerStep),
            "otherCores": Self.number(row.otherCores),
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
        return .object([
            "pairs": JSONValue(difference.count), "folds": JSONValue(difference.foldCount),
            "mean": Self.number(difference.mean),
            "interval": Self.bounds(difference.interval),
            "resampled": difference.levels.map { .string($0.rawValue) } ?? .null,
            "student": Self.bounds(difference.studentInterval),
        ])
    }

    private func json(_ verdict: Verdict) -> JSONValue {
        func choice(_ choice: Verdict.Choice?) -> JSONValue {
            choice.map {
                .object([
                    "arm": .string($0.arm), "validation": Self.number($0.validation),
                    "candidates": JSONValue($0.candidates),
                ])
            } ?? .null
        }
        return .object([
            "budget": verdict.budget.json, "adaptive": choice(verdict.adaptive),
            "fixed": choice(verdict.fixed), "difference": json(verdict.difference),
            "outcome": .string(verdict.outcome.rawValue),
        ])
    }

    private static func bounds(_ interval: ClosedRange<Double>?) -> JSONValue {
        interval.map { .array([number($0.lowerBound), number($0.upperBound)]) } ?? .null
    }

    private static func number(_ value: Double?) -> JSONValue { .known(value) }
}
