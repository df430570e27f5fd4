import Foundation
import Messages

/// What the signals of a probe come to. Each votes for a rank; the answer is their mean by ratio, within what capacity asks for
/// and the probe could see.
package struct ProbeVerdict: Sendable, Equatable {
    package let rank: Double
    package let lowest: Double
    package let highest: Double
    /// The largest vote over the smallest
    package let spread: Double
    package let votes: [AdviceAnswer.Vote]
    package let fixedRankDoes: Bool
    package let headAloneDoes: Bool
    /// Whether the probe shows neither a gain nor that there is none, so that it says nothing of ranks
    package let isBlind: Bool
    package let idleRoles: [String]
    package let learningRate: Double?
    package let reasons: [String]

    /// Share of what the wide rank gains that a lower one may lose
    package static let tolerance = 0.05
    /// Share of the loss, or part of a metric, that is not worth an adapter
    package static let negligible = 0.01
    /// Share of the learned energy that a budget keeps
    package static let keptEnergy = 0.9
    /// Below which two halves rank triplets by chance
    package static let leastCorrelation = 0.3
    /// Below which share of its even part a kind of matrix learns next to nothing
    package static let idleShare = 0.1

    /// - Parameters:
    ///   - runSteps: of the run that is advised on
    ///   - usualRate: of the method
    package init(
        _ facts: AdviceFacts, _ rules: RuleAnswer, _ found: ProbeFindings, runSteps: Int, usualRate: Double
    ) {
        let found = found.judged
        let curve = BudgetCurve(found)
        var reasons = [curve.gainSentence(facts)]
        let showsGain = found.showsGain
        // Only a whole probe may say that there is nothing to gain.
        headAloneDoes = !showsGain && found.plan.isWhole && found.showsThatThereIsNone
        isBlind = !showsGain && !headAloneDoes
        var votes: [AdviceAnswer.Vote] = []
        if isBlind {
            votes = [Self.rulesVote(rules)]
            reasons.append(
                found.plan.isWhole
                    ? "That is no proof that there is none: the rules answer."
                    : "The probe was too short to show what adapters gain, so that the rules answer.")
        } else if showsGain {
            // Where the loss rises, what was learned is the rows by heart, whose rank is not that of the task.
            votes = [
                Self.curveVote(curve), found.isByMetric ? nil : Self.energyVote(found), Self.rulesVote(rules),
            ].compactMap(\.self)
        }
        self.votes = votes
        var rank =
            votes.isEmpty ? 1 : exp(votes.reduce(0) { $0 + log(max($1.rank, 1)) } / Double(votes.count))
        let bits = Self.bits(facts, found)
        let floor = bits.map { $0 / (2 * Double(max(facts.parametersPerRank, 1))) } ?? 0
        rank = min(max(rank, floor, 1), Double(found.plan.wideRank))
        self.rank = rank
        let ranks = votes.map { max($0.rank, 1) }
        lowest = min(ranks.min() ?? 1, rank)
        highest = max(ranks.max() ?? 1, rank)
        spread = highest / lowest
        reasons += votes.map(\.sentence)
        if let bits { reasons.append(Self.capacitySentence(bits, floor)) }
        if isBlind {
            // What a probe that saw nothing says of ranks, places and rates is chance.
            (fixedRankDoes, idleRoles, learningRate) = (false, [], nil)
        } else {
            reasons += [curve.narrowSentence, Self.directionsSentence(found)].compactMap(\.self)
            fixedRankDoes = Self.fixedRankDoes(found, curve, &reasons)
            idleRoles = Self.idleRoles(found, &reasons)
            learningRate = Self.rate(found, runSteps: runSteps, usual: usualRate, &reasons)
        }
        self.reasons = reasons
    }

    private static func curveVote(_ curve: BudgetCurve) -> AdviceAnswer.Vote? {
        guard let rank = curve.rankWithinTolerance else { return nil }
        return AdviceAnswer.Vote(
            signal: "cut and evaluate", rank: rank, sentence: curve.sentence(rank))
    }

    private static func energyVote(_ found: ProbeFindings) -> AdviceAnswer.Vote? {
        let rank = found.rank(keeping: keptEnergy, of: found.energies)
        guard rank > 0 else { return nil }
        return AdviceAnswer.Vote(
            signal: "kept energy", rank: rank,
            sentence: "\(Int(100 * keptEnergy)) % of what was learned (Σσ²) lies in "
                + "\(Figures.fixed(rank, 1)) triplets a matrix.")
    }

    private static func rulesVote(_ rules: RuleAnswer) -> AdviceAnswer.Vote {
        AdviceAnswer.Vote(
            signal: "rules", rank: rules.rank,
            sentence: "Before any probe the rules say rank \(Figures.plain(rules.rank)).")
    }

    /// What there is to learn, in bits: the labels', or of a language model what the base does not know of the trained tokens.
    private static func bits(_ facts: AdviceFacts, _ found: ProbeFindings) -> Double? {
        if case .words(let learned) = facts.question {
            return found.baseBits.map { $0 * Double(learned) }
        }
        return facts.labelBits
    }

    private static func capacitySentence(_ bits: Double, _ floor: Double) -> String {
        let shown = Figures.fixed(floor, floor < 1 ? 2 : 1)
        return
            "There are \(LabelEntropy.shown(bits)) to learn, for which rank \(shown) has room enough"
            + (floor < 1 ? ": capacity is not the limit." : ".")
    }

    private static func directionsSentence(_ found: ProbeFindings) -> String? {
        guard let aligned = found.alignedDirections, let cosine = found.gradientCosine else { return nil }
        let agreement =
            cosine < 0.05
            ? "at the start the halves hardly agree on what to change, so that more rank may learn noise"
            : cosine < 0.2 ? "the halves agree somewhat" : "the halves agree on what to change"
        return "Gradients of two halves of \(Figures.grouped(found.plan.halfRows)) rows confirm "
            + "\(Figures.fixed(aligned, 1)) directions a matrix, cosine \(Figures.fixed(cosine, 2)): \(agreement)."
    }

    private static func fixedRankDoes(
        _ found: ProbeFindings, _ curve: BudgetCurve, _ reasons: inout [String]
    ) -> Bool {
        if curve.isNarrowEnough {
            reasons.append(
                "As rank 1 in every matrix does it, there is nothing to allocate: LoRA does as well.")
            return true
        }
        guard let halves = found.halves else { return false }
        let correlation = halves.correlation ?? 0
        let shown = "rank correlation \(Figures.fixed(correlation, 2))"
        if correlation < leastCorrelation {
            reasons.append(
                "Two halves of the rows rank the triplets differently (\(shown)): where the rank goes is chance, and a fixed "
                    + "rank will do as well.")
            return true
        }
        reasons.append(
            "Two halves of the rows rank the triplets alike (\(shown)): the place of the rank means something."
        )
        return false
    }

    private static func idleRoles(_ found: ProbeFindings, _ reasons: inout [String]) -> [String] {
        let shares = found.roleShares
        let idle = shares.filter { $0.energy < idleShare * $0.matrices }
        guard !idle.isEmpty, idle.count < shares.count else { return [] }
        let shown = idle.map { "\($0.role) \(Figures.percent($0.energy))" }.joined(separator: ", ")
        reasons.append(
            "Of what was learned next to nothing is in \(shown): these kinds of matrices may be left out.")
        return idle.map(\.role)
    }

    private static func rate(
        _ found: ProbeFindings, runSteps: Int, usual: Double, _ reasons: inout [String]
    ) -> Double? {
        guard !found.rates.isEmpty else { return nil }
        guard let best = RateChoice.best(found.rates) else {
            reasons.append("Every learning rate that was tried diverged.")
            return nil
        }
        let rate = RateChoice.forRun(
            best.rate, steps: runSteps, tested: found.plan.rateSteps, usual: usual)
        let tried = found.rates.map { trial in
            "\(Figures.rate(trial.rate)) \(trial.loss.map { Figures.fixed($0.mean, 3) } ?? "diverged")"
        }.joined(separator: ", ")
        var text =
            "Held-out loss after \(found.plan.rateSteps) steps by learning rate: \(tried); "
            + "\(Figures.rate(best.rate)) is the smallest that does as well as the best"
        if rate < best.rate { text += ", halved for a run of \(Figures.grouped(runSteps)) steps" }
        if best.rate == found.rates.map(\.rate).max() { text += "; it is the largest tried" }
        if best.rate == found.rates.map(\.rate).min() {
            text += "; it is the smallest tried, so try lower ones too"
        }
        reasons.append(text + ".")
        return rate
    }
}
