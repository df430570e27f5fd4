import Messages

extension PlanReader {
    /// What arms have alike; nothing but parameters where a plan does not say.
    func matching(_ search: ComparisonPlan.Search) -> ComparisonPlan.Matching {
        guard let text = fields.text("match") else { return .parameters }
        let names = ComparisonPlan.Matching.allCases.map(\.rawValue)
        guard let matching = ComparisonPlan.Matching(rawValue: text) else {
            fields.report(
                "match", "\(quoted(text)) is nothing to match", "use \(names.joined(separator: " or "))")
            return .parameters
        }
        if matching == .time, !search.isNeeded {
            fields.report(
                "match", "no search run tells how long steps take, as there is one learning rate",
                "give the search more learning-rates, or leave 'match' out")
        }
        return matching
    }

    /// Settings by which a step of an arm would be another amount of work than the baseline's, or its steps others than the time decides
    private static let ofSteps = ["batch-size", "accumulate", "max-length", "long-rows", "epochs", "steps"]

    /// Where times are matched, arms differ in what they do in a step alone.
    func checkSteps(_ arms: [ComparisonPlan.Arm], baseline: String) {
        guard fields.text("match") == ComparisonPlan.Matching.time.rawValue,
            let own = arms.first(where: { $0.name == baseline })?.settings
        else { return }
        for arm in arms {
            guard let key = Self.ofSteps.first(where: { arm.settings[$0] != own[$0] }) else { continue }
            fields.report(
                "match",
                "arm \(quoted(arm.name)) has another '\(key)' than the baseline, and the time of its steps decides how many it makes",
                "give '\(key)' in the plan's settings")
        }
    }

    /// Rates that a search may add beyond the ends of its grid
    func widenings(_ inner: PlanFields, _ rates: [Double]) -> Int {
        guard let text = inner.text("widen") else { return 0 }
        guard let count = Int(text), 0...8 ~= count else {
            inner.report("widen", "'widen' is \(quoted(text))", "write how many rates it may add, 0 to 8")
            return 0
        }
        if rates.count < 2, count > 0 {
            inner.report(
                "widen", "one rate has no ends to widen", "give more learning-rates, or leave it out")
        }
        return count
    }
}
