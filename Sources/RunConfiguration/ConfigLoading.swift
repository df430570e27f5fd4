import Messages
import Settings

extension RunConfig {
    /// The most bytes a configuration file may have; a caller need not read more than one byte past it.
    package static let largestFile = 1_000_000

    /// Decodes a configuration from a YAML text and then the command-line flags that override it.
    ///
    /// A flag replaces the file's value. It also replaces the file's other key of an exclusive pair
    /// (`--steps` over `epochs: 5`), which a warning tells.
    ///
    /// - Parameters:
    ///   - yaml: The text of a file, a flat mapping; nil without one.
    ///   - yamlName: What messages call the file.
    ///   - overrides: Keys without `--`, and the text after each.
    /// - Throws: `ConfigErrors` with every problem of both layers and of the whole.
    package static func load(
        yaml: String?, yamlName: String, overrides: [(key: String, value: String)]
    ) throws -> LoadedConfig {
        var loading = ConfigLoading()
        if let yaml { loading.read(ConfigFile(text: yaml, name: yamlName), name: yamlName) }
        loading.read(flags: overrides)
        return try loading.finish()
    }
}

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
        if let hint = SettingSynonyms.hint(key) {
            problems.add("\(place)\(shown(key)): unknown key; \(hint)")
            return
        }
        let keys = SettingTable.all.map(\.key)
        // Past the limit no line is listed, so nothing is spent on finding names either.
        let nearest =
            problems.lines.count < ProblemList.limit
            ? SettingSynonyms.settings(for: key).first(where: keys.contains) ?? nearestName(to: key, in: keys)
            : nil
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

    /// As resolved copies of earlier versions give them to every run.
    private static let formerDefaults = ["pooling": "pooler"]

    private mutating func warnOfIdleSettings() {
        let defaults = RunConfig()
        for setting in SettingTable.all {
            // The resolved copy gives every key, so that only a value of one's own deserves a warning.
            guard let place = place(of: setting.key), setting.text(config) != setting.text(defaults),
                setting.text(config) != Self.formerDefaults[setting.key], let reason = setting.idle(config)
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
        checkTuning()
        checkStride()
        checkEvaluation()
    }

    /// The rules of the method and of its settings.
    private mutating func checkTuning() {
        let places = (given[.file] ?? [:]).merging(given[.flags] ?? [:]) { _, flag in flag }
        var rules = RuleCheck(doubtful: doubtful, places: places)
        config.tuning.check(&rules)
        for problem in rules.problems { problems.add(problem) }
    }

    private mutating func checkStride() {
        guard config.hasIdleStride, let stride = config.stride, areKnown("stride", "max-length") else {
            return
        }
        problems.add(
            "\(mention("stride", "max-length")): windows of \(config.maxLength) tokens that share \(stride) "
                + "hardly move on; make stride less than half of max-length")
    }

    private mutating func checkEvaluation() {
        if !config.hasValidation, areKnown("validation", "validation-fraction") {
            for (key, isSet) in [
                ("early-stopping", config.earlyStopping != nil), ("best-metric", config.bestMetric != nil),
                ("forgetting", config.usedForgetting != nil),
            ] where isSet && areKnown(key) {
                problems.add(
                    "\(mention(key)): needs validation data; say \(SettingName.validation) FILE or "
                        + "\(SettingName.validationFraction) F, or remove it")
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
