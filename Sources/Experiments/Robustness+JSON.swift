import ModelFiles

extension Robustness {
    /// Numbers in full, null where something is not known.
    func json(searchMetric: String) -> JSONValue {
        .object([
            "metric": .string(metric.rawValue), "searchMetric": .string(searchMetric),
            "uninformed": .known(uninformed), "noise": .known(noise),
            "grids": .array(grids.map(Self.json)), "seeds": .array(seeds.map(Self.json)),
        ])
    }

    private static func json(_ grid: Grid) -> JSONValue {
        .object([
            "arm": .string(grid.arm), "budget": grid.budget?.json ?? .null,
            "rates": .array(
                grid.rates.map { rate in
                    .object([
                        "learningRate": .number(rate.learningRate), "mean": .known(rate.mean),
                        "worst": .known(rate.worst), "widened": .bool(rate.isWidened),
                        "chosen": .bool(grid.chosen.contains(rate.learningRate)),
                        "outcomes": json(rate.outcomes),
                    ])
                }),
            "best": .known(grid.best.map { grid.rates[$0].learningRate }),
            "withinNoise": grid.withinNoise.map { range in
                .array([range.lowerBound, range.upperBound].map { .number(grid.rates[$0].learningRate) })
            } ?? .null,
            "open": .bool(grid.isOpen), "margin": .known(grid.margin), "mean": .known(grid.mean),
            "worst": .known(grid.worst), "outcomes": json(grid.outcomes),
        ])
    }

    private static func json(_ seeds: Seeds) -> JSONValue {
        .object([
            "arm": .string(seeds.arm), "budget": seeds.budget?.json ?? .null,
            "learningRates": .array(seeds.learningRates.map { .number($0) }),
            "sd": .known(seeds.deviation), "worst": .known(seeds.worst), "best": .known(seeds.best),
            "outcomes": json(seeds.outcomes),
        ])
    }

    private static func json(_ outcomes: Outcomes) -> JSONValue {
        .object([
            "runs": JSONValue(outcomes.count), "failed": JSONValue(outcomes.failed),
            "collapsed": JSONValue(outcomes.collapsed),
        ])
    }
}

extension JSONValue {
    /// JSON has no NaN.
    static func known(_ value: Double?) -> JSONValue {
        value.flatMap { $0.isFinite ? .number($0) : nil } ?? .null
    }
}
