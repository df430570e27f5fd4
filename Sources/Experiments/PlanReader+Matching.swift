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
