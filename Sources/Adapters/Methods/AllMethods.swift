import Settings

/// The list of methods, and what follows from it: no method and none of their settings knows of it.
extension FineTuningMethod {
    /// Every method, in the order of help.
    package static let all: [FineTuningMethod] = [
        .adalora, .lora, .dora, .adadora, .bottleneck, .prefix, .prompt, .ia3, .bitfit, .norms, .head, .full,
    ]

    /// Where none is named.
    package static let usual = adalora

    package static func named(_ name: String) -> FineTuningMethod? { all.first { $0.name == name } }

    /// What each method trains beside the head, for help
    static var sizes: String {
        "numbers beside the head, of a matrix [O, I]: "
            + all.compactMap { method in method.size.map { "\(method.name) \($0)" } }.joined(separator: "; ")
    }

    /// `all of method ia3 are keys and values`
    fileprivate var allRolesSentence: String? { allRolesNote.map { "all of method \(name) are \($0)" } }

    /// `adalora or lora`: those that train little, for advice.
    package static var withAdapters: String { alternatives(all.filter(\.makesAdapter).map(\.name)) }
}

extension TuningSettings {
    /// What trains where nothing is said.
    package init() { self.init(method: .usual) }

    /// Rows that mean something with every method.
    package static let rows = [
        Setting<TuningSettings>(
            "method", "What trains (\(FineTuningMethod.sizes))", choices: FineTuningMethod.all.map(\.name),
            set: { $0.method = try $1.choice(among: FineTuningMethod.all, named: \.name) },
            get: { $0.method.name }),
        Setting(
            "from-adapter",
            "Run or adapter folder, also PEFT's, to train on from: adalora at its singular triplets, lora at its ranks",
            set: { $0.fromAdapter = try $1.orNone { try $0.text() } },
            get: { $0.fromAdapter.map(SettingText.text) }),
    ]

    /// The rows of all methods, each once; idle with methods that do not read them. In three groups, because the table
    /// of all settings shows the head's and the optimizer's between them.
    package static let (methodRows, startRows, allocationRows) = {
        let usual = budgetRows + LoRA.rankRows + AdaLoRA.rankRows + adapterRows
        let known = Set((usual + AdaLoRA.startRows + AdaLoRA.allocationRows).map(\.key))
        var others: [Setting<TuningSettings>] = []
        for row in FineTuningMethod.all.flatMap(\.rows)
        where !known.contains(row.key) && !others.contains(where: { $0.key == row.key }) {
            others.append(row)
        }
        return (
            (usual + others).map(unlessUnread), AdaLoRA.startRows.map(unlessUnread),
            AdaLoRA.allocationRows.map(unlessUnread)
        )
    }()

    private static func unlessUnread(_ row: Setting<TuningSettings>) -> Setting<TuningSettings> {
        let notes = row.key == targetsRow.key ? FineTuningMethod.all.compactMap(\.allRolesSentence) : []
        return row.noting(notes).within(\.self) {
            $0.method.reads(row.key) ? nil : "with method \($0.method.name)"
        }
    }

    /// What must hold whatever the method, and its own rules.
    package func check(_ rules: inout RuleCheck) {
        if fromAdapter != nil, !method.makesAdapter, rules.areKnown("from-adapter", "method") {
            rules.add(
                "\(rules.mention("from-adapter")): method \(method.name) has no adapters to start with; use "
                    + "\(FineTuningMethod.withAdapters), or leave it out")
        }
        checkBudget(&rules)
        if rules.areKnown("method") { method.check(self, &rules) }
    }
}
