import Messages

extension AdviceAnswer {
    /// The answer in a sentence or two.
    package func headline(_ facts: AdviceFacts) -> String {
        let shown = "rank \(Figures.plain(rank)) on average, a budget of \(Figures.grouped(budget))"
        switch basis {
        case .rules: return "By the rules alone: \(shown)."
        case .cannotTell:
            return "These data cannot tell which rank they need. The lowest that the rules allow: \(shown)."
        case .measured:
            if headAloneDoes {
                return facts.isLanguageModel
                    ? "Training gained nothing that these rows show: the lowest budget, \(Figures.grouped(facts.matrices)), or "
                        + "none at all."
                    : "The head alone does as well: no adapters."
            }
            return "Use \(shown)" + (fixedRankDoes ? "; LoRA of that rank everywhere will do as well." : ".")
        }
    }

    /// How sure it is, in words.
    package var sureness: String {
        switch basis {
        case .rules: "a rule of thumb: nothing was measured"
        case .cannotTell: "none: " + reasonsOfDoubt
        case .measured(.high): "high: the signals agree"
        case .measured(.fair): "fair: the signals differ by up to 4 times"
        case .measured(.low):
            if headAloneDoes {
                "low: a longer training may gain what this one did not"
            } else if showedNothing {
                "low: the rows show neither a gain nor that there is none"
            } else {
                votes.count > 1
                    ? "low: the signals differ by more than 4 times" : "low: the probe was too short"
            }
        }
    }

    private var reasonsOfDoubt: String {
        guard case .cannotTell(let doubts) = basis else { return "" }
        return doubts.map(\.kind.rawValue).joined(separator: ", ") + " data"
    }
}
