import Advice
import ModelFiles

/// An answer with all figures that it rests on, for programs.
package enum AdviceJSON {
    /// - Parameter more: members after the answer, such as a plan of the run.
    package static func value(_ advised: Advised, more: [(key: String, value: JSONValue)] = []) -> JSONValue {
        let (facts, answer) = (advised.facts, advised.answer)
        var object: JSONObject = [
            "headline": .string(answer.headline(facts)), "basis": .string(basis(answer.basis)),
            "rank": .number(answer.rank),
            "rankRange": range(answer.range), "budget": JSONValue(answer.budget),
            "budgetRange": .array([
                JSONValue(answer.budgetRange.lowerBound), JSONValue(answer.budgetRange.upperBound),
            ]),
            "initialRank": JSONValue(answer.initialRank), "parameters": JSONValue(advised.parameters),
            "fixedRankDoes": .bool(answer.fixedRankDoes), "headAloneDoes": .bool(answer.headAloneDoes),
            "idleRoles": strings(answer.idleRoles),
            "learningRate": answer.learningRate.map { .number($0) } ?? .null,
            "method": .string(advised.config.tuning.method.name), "steps": JSONValue(advised.runSteps),
            "epochs": advised.config.epochs.map { .number($0) } ?? .null,
            "dropout": answer.dropout.map { .number($0) } ?? .null,
            "votes": .array(
                answer.votes.map {
                    .object([
                        "signal": .string($0.signal), "rank": .number($0.rank),
                    ])
                }),
            "reasons": strings(answer.reasons + advised.notes), "rules": rules(answer.rules),
            "facts": self.facts(facts), "probe": advised.findings.map(probe) ?? .null,
            "warnings": strings(advised.warnings),
        ]
        for (key, value) in more { object[key] = value }
        return .object(object)
    }

    private static func basis(_ basis: AdviceAnswer.Basis) -> String {
        switch basis {
        case .rules: "rules"
        case .cannotTell: "cannot-tell"
        case .measured(let sureness): "measured, sureness \(sureness.rawValue)"
        }
    }

    private static func rules(_ rules: RuleAnswer) -> JSONValue {
        .object([
            "rank": .number(rules.rank), "rankRange": range(rules.range),
            "rankByRows": .number(rules.rankByRows),
            "sayings": .array(
                rules.sayings.map {
                    .object([
                        "rule": .string($0.rule), "says": .string($0.sentence), "source": .string($0.source),
                    ])
                }),
        ])
    }

    private static func facts(_ facts: AdviceFacts) -> JSONValue {
        .object([
            "model": .string(facts.modelName), "kind": .string(facts.model.rawValue),
            "weights": JSONValue(facts.weights), "format": facts.format.map { .string($0) } ?? .null,
            "task": .string(facts.task), "rows": JSONValue(facts.rows),
            "heldOutRows": JSONValue(facts.heldOutRows), "tokens": JSONValue(facts.tokens),
            "matrices": JSONValue(facts.matrices), "parametersPerRank": JSONValue(facts.parametersPerRank),
            "labelBits": facts.labelBits.map { .number($0) } ?? .null,
        ])
    }

    private static func probe(_ found: ProbeFindings) -> JSONValue {
        .object([
            "seed": .string("\(found.seed)"), "plan": plan(found.plan),
            "judgedBy": .string(found.judged.measure), "metric": metric(found),
            "alone": loss(found.alone), "narrow": found.narrow.map(loss) ?? .null, "wide": loss(found.wide),
            "rate": .number(found.rate),
            "rates": .array(
                found.rates.map {
                    .object(["rate": .number($0.rate), "loss": $0.loss.map(loss) ?? .null])
                }),
            "cuts": .array(
                found.cuts.map { .object(["rank": .number($0.rank), "loss": loss($0.loss)]) }),
            "keptImportance": shares(found.importances), "keptEnergy": shares(found.energies),
            "gradientCosine": found.gradientCosine.map { .number($0) } ?? .null,
            "alignedDirections": found.alignedDirections.map { .number($0) } ?? .null,
            "rankingCorrelation": found.halves?.correlation.map { .number($0) } ?? .null,
            "rankingOverlap": found.halves.map { .number($0.overlap) } ?? .null,
            "gradients": .array(
                found.gradients.map {
                    .object([
                        "site": .string($0.name), "cosine": .number($0.cosine),
                        "aligned": JSONValue($0.aligned),
                        "effectiveRank": .number(SpectrumFigures.effectiveRank($0.values)),
                        "stableRank": .number(SpectrumFigures.stableRank($0.values, energy: $0.energy)),
                    ])
                }),
            "learned": .array(
                found.sites.map {
                    .object([
                        "site": .string($0.name),
                        "effectiveRank": .number(SpectrumFigures.effectiveRank($0.learned)),
                        "stableRank": .number(SpectrumFigures.stableRank($0.learned)),
                        "values": .array($0.learned.map { .number(Double($0)) }),
                    ])
                }),
            "seconds": .object(
                found.costs.reduce(into: JSONObject()) { $0[$1.part.rawValue] = .number($1.seconds) }),
        ])
    }

    private static func plan(_ plan: ProbePlan) -> JSONValue {
        .object([
            "wideRank": JSONValue(plan.wideRank), "batch": JSONValue(plan.batch),
            "wideSteps": JSONValue(plan.wideSteps), "rateSteps": JSONValue(plan.rateSteps),
            "heldOutRows": JSONValue(plan.heldOutRows), "halfRows": JSONValue(plan.halfRows),
            "headRows": JSONValue(plan.headRows), "leftOut": strings(plan.leftOut.map(\.rawValue)),
            "assumedSeconds": .number(plan.seconds),
            "assumedOperationsPerSecond": .number(ProbePlan.assumedRate),
        ])
    }

    /// Of the same models what the run's metric is; null where it is no share.
    private static func metric(_ found: ProbeFindings) -> JSONValue {
        guard let name = found.metric else { return .null }
        func value(_ loss: HeldOutLoss?) -> JSONValue {
            loss?.byMetric.map { .number(1 - $0.mean) } ?? .null
        }
        return .object([
            "name": .string(name), "alone": value(found.alone), "narrow": value(found.narrow),
            "wide": value(found.wide),
            "cuts": .array(
                found.cuts.map { .object(["rank": .number($0.rank), "value": value($0.loss)]) }),
        ])
    }

    private static func loss(_ loss: HeldOutLoss) -> JSONValue { .number(loss.mean) }

    private static func range(_ range: ClosedRange<Double>) -> JSONValue {
        .array([.number(range.lowerBound), .number(range.upperBound)])
    }

    private static func strings(_ texts: [String]) -> JSONValue { .array(texts.map { .string($0) }) }

    /// For each number of triplets that is a power of two, what so many keep.
    private static func shares(_ weights: [Double]) -> JSONValue {
        let kept = SpectrumFigures.keptShares(weights)
        var object = JSONObject()
        var count = 1
        while count < kept.count {
            object["\(count)"] = .number(kept[count - 1])
            count *= 2
        }
        if let last = kept.last { object["\(kept.count)"] = .number(last) }
        return .object(object)
    }
}
