import Adapters
import Messages
import RunConfiguration
import Tasks
import Yams

/// Makes a plan of the file's mapping; what is wrong goes to the problems.
struct PlanReader {
    let fields: PlanFields
    let settingNames: [String]
    /// All budgets of a plan are of one kind: arms meet at equal budgets.
    private(set) var budgetKey = "average-ranks"

    static let armKeys = [
        "name", "settings", "average-ranks", "budget-parameters", "seeds", "extra-seeds", "learning-rates",
        "pattern-of", "prune-from", "heal", "heal-rate", "budgetless",
    ]

    init(fields: PlanFields, settingNames: [String]) {
        self.fields = fields
        self.settingNames = settingNames
        if fields.has("budget-parameters"), !fields.has("average-ranks") { budgetKey = "budget-parameters" }
    }

    mutating func plan(source: String) -> ComparisonPlan? {
        for key in ["name", "model", "train", "metric"] { fields.require(key, "add '\(key): VALUE'") }
        fields.require("seeds", "add 'seeds: [42, 43, 44]'")
        fields.require("search", "add 'search: {learning-rates: [1e-3, 3e-3, 6e-3], seeds: [7]}'")
        fields.require("arms", "add a list of arms, each '- {name: LoRA, settings: {method: lora}}'")
        fields.require("baseline", "add 'baseline: NAME', the arm to compare with")
        if !fields.has("average-ranks"), !fields.has("budget-parameters") {
            fields.problems.add(
                fields.line, "", "no budgets are given", "add 'average-ranks: [1, 2, 4, 8]'")
        }
        let texts = ["name", "model", "train"].map { fields.text($0) }
        let split = split()
        let metric = metric(fields)
        let budgets = budgets(fields)
        let seeds = fields.seeds("seeds")
        let search = search(metric)
        let common = settings(fields) ?? [:]
        let arms = arms(common: common, budgets: budgets ?? [], seeds: seeds ?? [], search: search)
        let baseline = fields.text("baseline")
        guard let arms else { return nil }
        // Checks that need whole arms would only repeat what is known when something is missing.
        guard fields.problems.lines.isEmpty || (budgets != nil && seeds != nil) else { return nil }
        checkSources(arms)
        if let baseline, !arms.contains(where: { $0.name == baseline }) {
            let near = Self.nearestArm(to: baseline, in: arms)
            let names = arms.map(\.name).joined(separator: ", ")
            fields.report(
                "baseline", "the baseline \(quoted(baseline)) is not an arm",
                near.map { "did you mean '\($0)'?" } ?? "use one of \(names)")
        }
        if let search { checkSearchSeeds(search, arms) }
        if let baseline { checkSteps(arms, baseline: baseline) }
        guard let name = texts[0], let model = texts[1], let train = texts[2], let split, let metric,
            let search, let baseline
        else { return nil }
        let all = Set(arms.flatMap(\.budgets)).sorted { $0.amount < $1.amount }
        return ComparisonPlan(
            name: name, model: model, train: train, split: split, metric: metric,
            budgets: all, search: search, matching: matching(search), baseline: baseline, arms: arms,
            source: source)
    }

    private func metric(_ from: PlanFields) -> Metric? {
        guard let text = from.text("metric") else { return nil }
        if let metric = Metric(rawValue: text) { return metric }
        let names = Metric.allCases.map(\.rawValue)
        from.report(
            "metric", "\(quoted(text)) is not a metric",
            nearestName(to: text, in: names).map { "did you mean '\($0)'?" }
                ?? "use one of \(names.joined(separator: ", "))")
        return nil
    }

    /// Ascending; nil when none are given or something is wrong with them.
    private func budgets(_ from: PlanFields) -> [Budget]? {
        let otherKey = budgetKey == "average-ranks" ? "budget-parameters" : "average-ranks"
        if from.has(otherKey) {
            from.report(
                otherKey, "'\(otherKey)' is given in a plan with '\(budgetKey)'",
                "say all budgets as '\(budgetKey)'")
        }
        return from.list(budgetKey, budgetAdvice) { budget($0) }?.sorted { $0.amount < $1.amount }
    }

    private var budgetAdvice: String {
        budgetKey == "average-ranks"
            ? "average ranks above 0 and up to 100000" : "whole numbers of parameters, like 166000 or 166k"
    }

    private func budget(_ text: String) -> Budget? {
        if budgetKey == "average-ranks" {
            return PlanFields.number(text).flatMap { $0 > 0 && $0 <= 100_000 ? .averageRank($0) : nil }
        }
        return PlanFields.parameters(text).map { .parameters($0) }
    }

    private func search(_ planMetric: Metric?) -> ComparisonPlan.Search? {
        let single = budgetKey == "average-ranks" ? "average-rank" : "budget-parameters"
        let keys = ["learning-rates", "seeds", "metric", single, "each-budget", "widen"]
        guard let inner = fields.fields("search", place: "search", keys: keys) else { return nil }
        inner.require("learning-rates", "add 'learning-rates: [1e-3, 3e-3, 6e-3]'; one rate means no search")
        let rates = inner.learningRates("learning-rates")
        let seeds = inner.seeds("seeds")
        let at = inner.list(single, budgetAdvice) { budget($0) }
        if let at, at.count > 1 {
            inner.report(single, "the search has \(at.count) budgets", "give one, or 'each-budget: true'")
        }
        let isEach = inner.flag("each-budget")
        if isEach, inner.has(single) {
            inner.report("each-budget", "'each-budget' and '\(single)' are both given", "keep one")
        }
        let metric = inner.has("metric") ? metric(inner) : planMetric
        guard let rates, let metric else { return nil }
        if rates.count > 1, !inner.has("seeds") {
            inner.report("seeds", "'seeds' is missing", "add 'seeds: [7]', apart from the reported seeds")
            return nil
        }
        return ComparisonPlan.Search(
            learningRates: rates, seeds: rates.count > 1 ? seeds ?? [] : [], budget: at?.first,
            metric: metric, isEachBudget: isEach, widenings: widenings(inner, rates))
    }

    private func checkSearchSeeds(_ search: ComparisonPlan.Search, _ arms: [ComparisonPlan.Arm]) {
        let reported = Set(arms.flatMap { $0.seeds + $0.extraSeeds.values.flatMap { $0 } })
        let shared = search.seeds.filter(reported.contains)
        guard !shared.isEmpty else { return }
        fields.report(
            "search",
            "search: seed \(shared.map { String($0) }.joined(separator: ", ")) is also a reported seed",
            "search with other seeds, so that no reported run chose its own learning rate")
    }
}

extension PlanReader {
    private func arms(
        common: [String: String], budgets: [Budget], seeds: [UInt64], search: ComparisonPlan.Search?
    ) -> [ComparisonPlan.Arm]? {
        guard let node = fields.node("arms") else { return nil }
        guard case .sequence(let sequence) = node, !sequence.isEmpty else {
            fields.report(
                "arms", "'arms' is not a list", "write '- {name: LoRA, settings: {method: lora}}' a line")
            return nil
        }
        var arms: [ComparisonPlan.Arm] = []
        for (index, item) in sequence.enumerated() {
            let line = item.mark?.line ?? fields.line(of: "arms")
            guard case .mapping(let mapping) = item else {
                fields.problems.add(
                    line, "arm \(index + 1)", "this is not a mapping", "write '- {name: NAME, settings: {…}}'"
                )
                continue
            }
            let name = mapping.first { $0.key.scalar?.string == "name" }?.value.scalar?.string
            let place = name.map { "arm \(quoted($0))" } ?? "arm \(index + 1)"
            let inner = PlanFields(
                mapping, line: line, place: place, keys: Self.armKeys, problems: fields.problems)
            let arm = arm(inner, common: common, budgets: budgets, seeds: seeds, search: search)
            guard let arm else { continue }
            if let twin = arms.first(where: { $0.name == arm.name || $0.slug == arm.slug }) {
                inner.report(
                    "name", "the name is too near that of arm \(quoted(twin.name))",
                    "names must differ in letters or digits")
            }
            arms.append(arm)
        }
        return arms
    }

    private func arm(
        _ inner: PlanFields, common: [String: String], budgets planBudgets: [Budget], seeds: [UInt64],
        search: ComparisonPlan.Search?
    ) -> ComparisonPlan.Arm? {
        inner.require("name", "add 'name: NAME'")
        let isBudgetless = inner.flag("budgetless")
        let own = budgets(inner)
        // null takes a setting of the plan back.
        let settings = common.merging(self.settings(inner) ?? [:]) { $1 }.filter { $0.value != "null" }
        let pruneFrom = pruneFrom(inner)
        let keepsRanks = method(settings).map(\.keepsRanks) ?? false
        if let pruneFrom, keepsRanks {
            for case .averageRank(let rank) in own ?? planBudgets
            where (rank * pruneFrom).rounded() != rank * pruneFrom {
                inner.report(
                    "prune-from",
                    "\(Figures.plain(pruneFrom)) times average rank \(Figures.plain(rank)) is no whole rank",
                    "LoRA trains whole ranks: use a factor like 2")
            }
        }
        if pruneFrom == nil, keepsRanks, !inner.has("pattern-of"), !isBudgetless {
            for case .averageRank(let rank) in own ?? planBudgets where rank.rounded() != rank {
                inner.report(
                    "settings", "LoRA trains whole ranks, and average rank \(Figures.plain(rank)) is none",
                    "give the arm 'average-ranks' of its own, or use whole ones")
            }
        }
        checkConflicts(inner, isBudgetless: isBudgetless)
        checkMethod(inner, method(settings), isBudgetless: isBudgetless)
        for key in ["initial-rank"] where settings[key] != nil {
            for owner in ["prune-from", "pattern-of"] where inner.has(owner) {
                inner.report(
                    owner, "the setting '\(key)' is given with '\(owner)', which decides it", "drop '\(key)'")
            }
        }
        let rates = inner.learningRates("learning-rates") ?? search?.learningRates ?? []
        if let wanted = search?.learningRates.count, rates.count != wanted, inner.has("learning-rates") {
            inner.report(
                "learning-rates",
                "\(Figures.counted(rates.count, "learning rate")) against the search's \(wanted)",
                "give as many: each arm gets the same number of search runs")
        }
        let points = isBudgetless ? [] : own ?? planBudgets
        let extra = extraSeeds(inner, points: points, seeds: inner.seeds("seeds") ?? seeds)
        guard let name = inner.text("name") else { return nil }
        let slug = Self.slug(name)
        if slug.isEmpty {
            inner.report("name", "the name has no letter or digit of ASCII", "use a name like 'LoRA'")
            return nil
        }
        return ComparisonPlan.Arm(
            name: name, slug: slug, settings: settings, budgets: points, seeds: inner.seeds("seeds") ?? seeds,
            extraSeeds: extra, learningRates: rates, patternOf: inner.text("pattern-of"),
            pruneFrom: pruneFrom, heal: heal(inner, settings))
    }

    private func pruneFrom(_ inner: PlanFields) -> Double? {
        guard let text = inner.text("prune-from") else { return nil }
        guard let factor = PlanFields.number(text), factor > 1, factor <= 1000 else {
            inner.report(
                "prune-from", "'prune-from' is \(quoted(text))",
                "use a factor above 1, like 2: trained at 2 times the budget, then cut to it")
            return nil
        }
        return factor
    }

    private func checkConflicts(_ inner: PlanFields, isBudgetless: Bool) {
        if inner.has("pattern-of"), inner.has("prune-from") {
            inner.report("prune-from", "'prune-from' and 'pattern-of' are both given", "keep one")
        }
        guard isBudgetless else { return }
        for key in ["average-ranks", "budget-parameters", "extra-seeds", "pattern-of", "prune-from", "heal"]
        where inner.has(key) {
            inner.report(key, "'\(key)' is given for an arm that is budgetless", "drop one of the two")
        }
    }

    /// nil for one that does not exist, which the settings themselves report.
    private func method(_ settings: [String: String]) -> FineTuningMethod? {
        settings["method"].map(FineTuningMethod.named) ?? FineTuningMethod.usual
    }

    private func checkMethod(_ inner: PlanFields, _ method: FineTuningMethod?, isBudgetless: Bool) {
        guard let method else { return }
        if !method.hasBudget, !isBudgetless {
            inner.report(
                "settings",
                "method \(method.name) has no \(method.makesAdapter ? "ranks" : "adapters") and so no budget",
                "add 'budgetless: true' to the arm")
        }
        if isBudgetless, method.hasBudget {
            inner.report(
                "budgetless", "method \(method.name) has adapters and so needs a budget",
                "drop 'budgetless' or use method head")
        }
    }

    private func extraSeeds(_ inner: PlanFields, points: [Budget], seeds: [UInt64]) -> [Budget: [UInt64]] {
        guard
            let extra = inner.fields(
                "extra-seeds", place: "extra-seeds", keys: ["average-ranks", "budget-parameters", "seeds"])
        else { return [:] }
        extra.require(budgetKey, "say at which budgets, like '\(budgetKey): [1]'")
        extra.require("seeds", "say which, like 'seeds: [45, 46]'")
        let more = extra.seeds("seeds") ?? []
        let shared = more.filter(seeds.contains)
        if !shared.isEmpty {
            extra.report("seeds", "seed \(shared[0]) is already a seed of the arm", "drop it here")
        }
        let at = budgets(extra) ?? []
        for budget in at where !points.contains(budget) {
            extra.report(budgetKey, "\(budget) is not a budget of the arm", "use its budgets")
        }
        return Dictionary(uniqueKeysWithValues: at.map { ($0, more) })
    }

    private func checkSources(_ arms: [ComparisonPlan.Arm]) {
        guard case .sequence(let sequence)? = fields.node("arms") else { return }
        let lines = sequence.map { $0.mark?.line ?? 1 }
        for (index, arm) in arms.enumerated() {
            guard let name = arm.patternOf else { continue }
            let line = arms.count == lines.count ? lines[index] : fields.line(of: "arms")
            let place = "arm \(quoted(arm.name))"
            let problems = fields.problems
            guard let source = arms.first(where: { $0.name == name }) else {
                let near = Self.nearestArm(to: name, in: arms)
                problems.add(
                    line, place, "'pattern-of' names \(quoted(name)), which is not an arm",
                    near.map { "did you mean '\($0)'?" } ?? "name an arm of the plan")
                continue
            }
            if source.patternOf != nil || source.isBudgetless {
                problems.add(
                    line, place, "'pattern-of' names \(quoted(name)), which has no ranks of its own",
                    "name an arm that chooses its ranks")
                continue
            }
            for budget in arm.budgets {
                let known = source.budgets.contains(budget) ? source.seeds(at: budget) : []
                let missing = arm.seeds(at: budget).filter { !known.contains($0) }
                guard let seed = missing.first else { continue }
                problems.add(
                    line, place, "\(quoted(name)) has no run at \(budget) with seed \(seed)",
                    "give both arms the same budgets and seeds, or this one fewer")
            }
        }
    }

    /// Capitals do not count: names of methods have them in odd places.
    static func nearestArm(to name: String, in arms: [ComparisonPlan.Arm]) -> String? {
        let near = nearestName(to: name, in: arms.map { $0.name.lowercased() })
        return arms.first { $0.name.lowercased() == near }?.name
    }

    /// Lowercase ASCII letters and digits, hyphens between them, at most 40.
    static func slug(_ name: String) -> String {
        let words = name.lowercased().split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }
        return String(words.joined(separator: "-").prefix(40))
    }
}

extension PlanReader {
    /// Settings that a comparison decides itself, and why.
    static let owned: [String: String] = [
        "model": "all arms share the plan's 'model'",
        "train": "all arms share the plan's 'train'",
        "validation": "all arms share the plan's 'validation'",
        "validation-fraction": "all arms share the plan's 'validation', or its 'folds'",
        "from-adapter": "every arm starts from the base model",
        "output": "each run has a folder of its own in the comparison's folder",
        "seed": "use the plan's or the arm's 'seeds'",
        "learning-rate": "use 'learning-rates' of the search",
        "evaluate-every":
            "every run is measured once, after its last step: a best step would favor who evaluates more",
        "samples": "a comparison shows figures, no answers: train one of its runs with it",
        "early-stopping": "every run goes to its last step",
        "best-metric": "the plan's 'metric' decides",
        "threads": "say it to the command",
        "budget": "use 'average-ranks' or 'budget-parameters': arms are matched by parameters",
        "budget-parameters": "use 'budget-parameters' of the plan or the arm, beside 'settings'",
        "average-rank": "use 'average-ranks' of the plan or the arm, beside 'settings'",
    ]

    /// Values as flags take them: scalars, and lists joined by commas.
    private func settings(_ from: PlanFields) -> [String: String]? {
        guard let inner = from.fields("settings", place: "settings", keys: nil) else { return nil }
        var result: [String: String] = [:]
        for key in inner.keys {
            if let reason = Self.owned[key] {
                inner.report(key, "'\(key)' is not a setting of one arm", reason)
                continue
            }
            guard settingNames.contains(key) else {
                let names = settingNames.filter { Self.owned[$0] == nil }
                inner.report(
                    key, "\(quoted(key)) is not a setting",
                    nearestName(to: key, in: names).map { "did you mean '\($0)'?" }
                        ?? "see adalora train --help")
                continue
            }
            guard let texts = inner.texts(key) else { continue }
            result[key] = texts.map(\.text).joined(separator: ",")
        }
        return result
    }
}
