import Adapters
import Messages

extension PlanReader {
    /// Of the rate before the cut, where nothing is said
    static let usualHealRate = 0.5

    /// Training after the cut of an arm that is cut; nil where it has none, or something is wrong with it.
    func heal(_ inner: PlanFields, _ settings: [String: String]) -> ComparisonPlan.Heal? {
        guard inner.has("heal") else {
            if inner.has("heal-rate") {
                inner.report(
                    "heal-rate", "'heal-rate' is given without 'heal'", "add 'heal: 0.2', or drop it")
            }
            return nil
        }
        if !inner.has("prune-from") {
            inner.report(
                "heal", "'heal' is given without 'prune-from', and nothing is cut",
                "add 'prune-from: 4', or drop it"
            )
        }
        if settings["steps"] == nil, settings["epochs"] == nil {
            inner.report(
                "heal",
                "'heal' shares out the steps, and neither 'steps' nor 'epochs' says how many there are",
                "add one of them to the settings")
        }
        let changed = settings["bias"] ?? "none"
        if changed != "none" {
            inner.report(
                "heal", "'heal' goes on from an adapter, which cannot bring the biases of 'bias: \(changed)'",
                "drop one of the two")
        }
        let share = number(
            "heal", inner,
            "use a share of the steps above 0 and below 1, like 0.2: a fifth of them after the cut"
        ) { $0 > 0 && $0 < 1 }
        let rate =
            inner.has("heal-rate")
            ? number(
                "heal-rate", inner,
                "use a share of the learning rate before the cut, above 0 and up to 10, like 0.5"
            ) { $0 > 0 && $0 <= 10 } : Self.usualHealRate
        guard let share, let rate else { return nil }
        let heal = ComparisonPlan.Heal(share: share, rate: rate)
        if let steps = settings["steps"].flatMap({ Int($0) }), !heal.leavesSteps(of: steps) {
            inner.report(
                "heal", "'heal: \(Figures.plain(share))' leaves none of \(steps) steps after the cut",
                "give a larger share, or more steps")
        }
        return heal
    }

    private func number(
        _ key: String, _ inner: PlanFields, _ advice: String, _ isFine: (Double) -> Bool
    ) -> Double? {
        guard let text = inner.text(key) else { return nil }
        guard let value = PlanFields.number(text), isFine(value) else {
            inner.report(key, "'\(key)' is \(quoted(text))", advice)
            return nil
        }
        return value
    }
}
