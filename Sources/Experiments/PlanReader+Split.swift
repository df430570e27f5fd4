extension PlanReader {
    /// Files for validation and test, or folds in their place.
    func split() -> ComparisonPlan.Split? {
        guard fields.has("folds") else {
            for key in ["validation", "test"] {
                fields.require(key, "add '\(key): FILE', or 'folds: 5' in place of 'validation' and 'test'")
            }
            for key in ["fold-seed", "validation-fraction"] where fields.has(key) {
                fields.report(
                    key, "'\(key)' is given in a plan without 'folds'", "add 'folds: 5', or drop it")
            }
            guard let validation = fields.text("validation"), let test = fields.text("test") else {
                return nil
            }
            return .files(validation: validation, test: test)
        }
        for key in ["validation", "test"] where fields.has(key) {
            fields.report(
                key, "'\(key)' is given in a plan with 'folds', which take its rows from 'train'",
                "drop one of the two")
        }
        let count = value("folds", "use a whole number from 2 to 100, like 5") { text in
            Int(text).flatMap { (2...100).contains($0) ? $0 : nil }
        }
        let seed =
            fields.has("fold-seed") ? value("fold-seed", "use a whole number from 0") { UInt64($0) } : 42
        let fraction =
            fields.has("validation-fraction")
            ? value("validation-fraction", "use a share above 0 and below 1, like 0.1") { text in
                PlanFields.number(text).flatMap { $0 > 0 && $0 < 1 ? $0 : nil }
            } : 0.1
        guard let count, let seed, let fraction else { return nil }
        return .folds(.init(count: count, seed: seed, validationFraction: fraction))
    }

    private func value<Value>(_ key: String, _ advice: String, _ read: (String) -> Value?) -> Value? {
        guard let text = fields.text(key) else { return nil }
        guard let value = read(text) else {
            fields.report(key, "'\(key)' is \(quoted(text))", advice)
            return nil
        }
        return value
    }
}
