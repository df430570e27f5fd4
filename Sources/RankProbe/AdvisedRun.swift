import Adapters
import Advice
import Foundation
import Messages
import RankAllocation
import RunConfiguration
import Runs

/// The run that an answer comes to: what was given stays, the rest is as advised.
struct AdvisedRun {
    let config: RunConfig
    let steps: Int
    let notes: [String]

    /// - Parameter probed: seconds of the probe at the assumed rate
    init(_ answer: AdviceAnswer, _ request: AdviceRequest, _ size: RunSize, probed: Double) throws {
        let given = request.config
        var changes: [(key: String, value: String?)] = [("rank-pattern", nil)]
        var notes: [String] = []
        let usual = RunConfig.usual
        let rank = max(answer.rank, 1)
        var method = given.tuning.method
        let mayChange = !request.keepsMethod && method == .usual
        if answer.headAloneDoes, !size.facts.isLanguageModel, mayChange {
            changes.append(("method", "head"))
            changes.append(("budget", nil))
        } else {
            if answer.headAloneDoes, !size.facts.isLanguageModel {
                notes.append("The method given stays: rank 1 in every matrix.")
            }
            if answer.fixedRankDoes, mayChange, let lora = FineTuningMethod.named("lora") {
                method = lora
                changes.append(("method", "lora"))
            }
            if method.reads("initial-rank") {
                changes.append(("budget", "\(max(answer.budget, size.facts.matrices))"))
                let isShort = Self.isBelow(given.tuning.adalora.initialRank, rank)
                if given.tuning.adalora.initialRank == nil || isShort,
                    given.tuning.adalora.allocator == .prune
                {
                    changes.append(("initial-rank", "\(answer.initialRank)"))
                    if isShort {
                        notes.append(
                            "The \(SettingName.initialRank) given is below the advised rank, and was raised.")
                    }
                }
            } else {
                changes.append(("average-rank", SettingTexts.number(rank)))
            }
            if let dropout = answer.dropout, given.tuning.adapterDropout == usual.tuning.adapterDropout {
                changes.append(("adapter-dropout", SettingTexts.number(dropout)))
            }
            if let rate = answer.learningRate, given.learningRate == nil {
                changes.append(("learning-rate", SettingTexts.number(rate)))
            }
        }
        var steps = size.costs.runSteps
        if let seconds = request.seconds, steps > 1 {
            let needed = size.costs.runSeconds(rank: rank)
            let left = max(seconds - probed, 0)
            if needed > left {
                steps = max(1, Int(Double(steps) * left / needed))
                changes += [("epochs", nil), ("steps", "\(steps)")]
                notes.append(
                    "The run as it would be takes about \(Figures.clockTime(needed)) at the assumed rate; "
                        + "\(Figures.counted(steps, "step")) fit into what is left of the time.")
            }
        }
        config = try given.with(changes)
        self.steps = steps
        self.notes = notes
    }

    private static func isBelow(_ initial: InitialRank?, _ rank: Double) -> Bool {
        if case .triplets(let own)? = initial { Double(own) < rank } else { false }
    }
}
