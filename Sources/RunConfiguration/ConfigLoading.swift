import Messages

/// A configuration on its way from layers to a checked whole.
struct ConfigLoading {
    private enum Layer { case file, flags }

    private var config = RunConfig()
    private var problems = ProblemList()
    private var warnings: [String] = []
    /// Where each key got a value (not null), for each layer.
    private var given: [Layer: [String: String]] = [.file: [:], .flags: [:]]
    /// Keys whose values are unknown because of a problem already listed: no rule is checked on them.
    private var doubtful = Set<String>()
    private var fileIsReadable = true

    mutating func read(_ file: ConfigFile, name: String) {
        problems.add(file.problems)
        fileIsReadable = file.isReadable
        var lines: [String: Int] = [:]
        for entry in file.entries {
            let place = "\(shown(name, limit: 1000)):\(entry.line): "
            if let first = lines[entry.key] {
                problems.add("\(place)\(quoted(entry.key)) was already given on line \(first); keep one")
                continue
            }
            lines[entry.key] = entry.line
            apply(entry.value, key: entry.key, place: place, layer: .file)
        }
    }

    mutating func read(flags: [(key: String, value: String)]) {
        var seen = Set<String>()
        for (key, text) in flags {
            guard seen.insert(key).inserted else {
                problems.add("--\(shown(key)): given more than once; keep one")
                continue
            }
            let content = text.isEmpty ? SettingValue.Content.empty : .text(text)
            apply(SettingValue(content: content), key: key, place: "--", layer: .flags)
        }
    }

    /// - Throws: `ConfigErrors` if any layer or the whole has a problem.
    mutating func finish() throws -> LoadedConfig {
        settleExclusives()
        if fileIsReadable { checkRules() }
        guard problems.isEmpty else { throw ConfigErrors(problems: problems.summary) }
        warnOfIdleSettings()
        return LoadedConfig(config: config, warnings: warnings)
    }

    private mutating func apply(_ value: SettingValue, key: String, place: String, layer: Layer) {
        guard let setting = SettingTable.named[key] else {
            reject(unknown: key, place: place)
            return
        }
        do {
            try setting.store(&config, value)
            given[layer]?[key] = value.isNull ? nil : place + key
        } catch let problem as ValueProblem {
            problems.add("\(place)\(key): \(problem.what); \(problem.advice)")
            doubtful.insert(key)
        } catch {
            problems.add("\(place)\(key): \(shown(String(describing: error))); give another value")
            doubtful.insert(key)
        }
    }

    private mutating func reject(unknown key: String, place: String) {
        // Past the limit no line is listed, so nothing is spent on finding names either.
        let nearest =
            problems.lines.count < ProblemList.limit
            ? nearestName(to: key, in: SettingTable.all.map(\.key)) : nil
        if let nearest { doubtful.insert(nearest) }
        let advice = nearest.map { "did you mean \(quoted($0))?" } ?? "'adalora train --help' lists the keys"
        problems.add("\(place)\(shown(key)): unknown key; \(advice)")
    }

    /// Within a layer two exclusive keys are a problem; a flag replaces the other key of the file.
    private mutating func settleExclusives() {
        for (first, second) in SettingTable.exclusive {
            var both = false
            for layer in [Layer.file, .flags] {
                guard given[layer]?[first] != nil, let place = given[layer]?[second] else { continue }
                problems.add("\(place): cannot be combined with \(first); keep one of the two")
                both = true
            }
            if both { continue }
            for (key, other) in [(first, second), (second, first)] {
                let isFlag = given[.flags]?[key] != nil
                guard isFlag || (given[.file]?[key] != nil && given[.flags]?[other] == nil) else { continue }
                if isFlag, let place = given[.file]?[other] {
                    warnings.append("--\(key): replaces a value of the file (\(place))")
                    given[.file]?[other] = nil
                }
                unset(other)
            }
        }
    }

    private mutating func unset(_ key: String) {
        do {
            try SettingTable.named[key]?.store(&config, SettingValue(content: .null))
        } catch {
            preconditionFailure("the exclusive setting \(key) refuses to be unset: \(error)")
        }
    }

    private mutating func warnOfIdleSettings() {
        let defaults = RunConfig()
        for setting in SettingTable.all {
            // The resolved copy gives every key, so that only a value of one's own deserves a warning.
            guard let place = place(of: setting.key), setting.text(config) != setting.text(defaults),
                let reason = setting.idle(config)
            else { continue }
            warnings.append("\(place): no effect \(reason); remove it")
        }
    }
}

/// What must hold between settings.
extension ConfigLoading {
    private mutating func checkRules() {
        for (key, kind) in SettingTable.required
        where SettingTable.named[key]?.text(config) == nil && areKnown(key) {
            problems.add("\(key): missing; say --\(key) \(kind), or write '\(key): \(kind)' in the file")
        }
        checkLength()
        checkStart()
        checkStride()
        checkBudget()
        checkEvaluation()
    }

    private mutating func checkLength() {
        guard config.epochs == nil, config.steps == nil, areKnown("epochs", "steps") else { return }
        problems.add("epochs: neither epochs nor steps is set; say --epochs E or --steps N")
    }

    private mutating func checkStart() {
        guard config.fromAdapter != nil, areKnown("from-adapter", "method") else { return }
        guard config.method.hasAdapters else {
            problems.add(
                "\(mention("from-adapter")): method \(config.method.rawValue) has no adapters to start with; use "
                    + "adalora or lora, or leave it out")
            return
        }
        if config.method == .adalora, config.initialization == .activationSVD, areKnown("initialize") {
            problems.add(
                "\(mention("initialize")): activation-svd chooses the start that from-adapter gives; use orthonormal, "
                    + "for the triplets beyond the adapter's")
        }
    }

    private mutating func checkStride() {
        guard config.task == .questionAnswering, let stride = config.stride, areKnown("stride", "max-length"),
            stride >= config.maxLength / 2
        else { return }
        problems.add(
            "\(mention("stride", "max-length")): windows of \(config.maxLength) tokens that share \(stride) "
                + "hardly move on; make stride less than half of max-length")
    }

    private mutating func checkBudget() {
        let hasRanks = config.method == .lora && (config.rankPattern != nil || config.fromAdapter != nil)
        if config.method.hasAdapters, config.budget == nil, config.averageRank == nil,
            config.budgetParameters == nil, !hasRanks,
            areKnown("method", "budget", "average-rank", "budget-parameters", "rank-pattern", "from-adapter")
        {
            problems.add(
                "budget: missing for method \(config.method.rawValue); say --budget N, --average-rank R or "
                    + "--budget-parameters N")
        }
        guard config.method == .adalora, areKnown("method") else { return }
        if let importance = config.importance, importance.needsExactTriplets,
            let form = config.orthogonality, form != .exact, areKnown("importance", "orthogonality")
        {
            problems.add(
                "\(mention("importance", "orthogonality")): importance \(importance.rawValue) needs exact "
                    + "triplets, which orthogonality \(form.rawValue) does not keep; use exact or leave it out"
            )
        }
        if config.allocator == .fixed, config.resolvedOrthogonality == .exact,
            areKnown("allocator", "orthogonality", "importance")
        {
            problems.add(
                "\(mention("allocator")): allocator fixed allocates nothing, and exact triplets come with allocations; "
                    + "use orthogonality squared, norm or none")
        }
        if config.importance == .spectralSensitivity, config.importanceWeights == .peft,
            areKnown("importance", "importance-weights")
        {
            problems.add(
                "\(mention("importance-weights", "importance")): importance-weights peft sees the triplets between an "
                    + "update and their re-factorization, so importance spectral-sensitivity needs paper")
        }
        // Decimal fractions such as 0.7 + 0.3 can add up to a little less than 1.
        let sum = config.warmupFraction + config.finalFraction
        if sum >= 1 - 1e-9, areKnown("warmup-fraction", "final-fraction") {
            let warmup = SettingText.number(config.warmupFraction)
            let final = SettingText.number(config.finalFraction)
            problems.add(
                "\(mention("warmup-fraction", "final-fraction")): warmup-fraction \(warmup) and "
                    + "final-fraction \(final) leave no steps to allocate in; make their sum less than 1")
        }
        if case .triplets(let rank)? = config.initialRank, let average = config.averageRank,
            average > Double(rank),
            config.allocator == .prune,
            areKnown("initial-rank", "average-rank")
        {
            problems.add(
                "\(mention("initial-rank", "average-rank")): initial-rank \(rank) is below average-rank "
                    + "\(SettingText.number(average)); raise the one or lower the other")
        }
    }

    private mutating func checkEvaluation() {
        if config.validation == nil, areKnown("validation") {
            for (key, isSet) in [
                ("early-stopping", config.earlyStopping != nil), ("best-metric", config.bestMetric != nil),
            ] where isSet && areKnown(key) {
                problems.add("\(mention(key)): needs validation data; say --validation FILE or remove it")
            }
        }
        if let metric = config.bestMetric, !metric.suits(config.task), areKnown("best-metric", "task") {
            let names = RunConfig.Metric.allCases.filter { $0.suits(config.task) }.map(\.rawValue)
            problems.add(
                "\(mention("best-metric")): \(metric.rawValue) does not exist for task "
                    + "\(config.task.rawValue); use \(alternatives(names))")
        }
    }

    private func areKnown(_ keys: String...) -> Bool { doubtful.isDisjoint(with: keys) }

    private func place(of key: String) -> String? { given[.flags]?[key] ?? given[.file]?[key] }

    /// Where the first of `keys` that was given stands.
    private func mention(_ keys: String...) -> String {
        keys.lazy.compactMap { place(of: $0) }.first ?? keys[0]
    }
}
