import Settings

extension RunConfig {
    /// Where nothing is given.
    package static var usual: RunConfig { RunConfig() }

    /// The same with other values of some settings, written as in a file; nil unsets one. What must hold between settings is
    /// the caller's affair: whoever gives `steps` unsets `epochs`.
    package func with(_ changes: [(key: String, value: String?)]) throws -> RunConfig {
        var changed = self
        for (key, value) in changes {
            guard let setting = SettingTable.named[key] else {
                preconditionFailure("\(key) is no row of the table of settings")
            }
            try setting.store(&changed, SettingValue(content: value.map { .text($0) } ?? .null))
        }
        return changed
    }

    /// The settings whose values are not the defaults, by key, as YAML has them.
    package var changedSettings: [(key: String, value: String)] {
        let usual = Self.usual
        return SettingTable.all.compactMap { setting in
            guard let value = setting.text(self), value != setting.text(usual) else { return nil }
            return (setting.key, value)
        }
    }

    /// Every setting with its help and default, in the order to show them.
    package static let settings = SettingTable.all.map {
        SettingDescription(key: $0.key, help: $0.help, defaultText: $0.defaultText, choices: $0.choices)
    }

    /// The resolved configuration: every key, in the order of `settings`, below a comment that explains it.
    /// Loading it again gives an equal configuration and no problem.
    package func yaml() -> String {
        SettingTable.all.map { setting in
            "# \(setting.help) (\(setting.note))\n\(setting.key): \(setting.text(self) ?? "null")\n"
        }.joined()
    }

    /// The settings that have an effect, by key: unset ones as what they stand for, as far as that follows from other
    /// settings, idle ones left out. Runs with equal effective settings do the same.
    package func effectiveSettings() -> [String: String] {
        var resolved = self
        resolved.learningRate = resolvedLearningRate
        resolved.givenMaxLength = maxLength
        resolved.tuning.adalora = tuning.adalora.resolved
        resolved.bestMetric = resolvedBestMetric
        var settings: [String: String] = [:]
        for setting in SettingTable.all where setting.idle(self) == nil {
            settings[setting.key] = setting.text(resolved) ?? "none"
        }
        for (key, rule) in Self.rules where settings[key] == "none" { settings[key] = rule }
        if steps != nil { settings["epochs"] = "none" }
        if !tuning.method.trainsModel || tuning.method.trainsBackbone, headLearningRate == nil {
            settings["head-learning-rate"] = Self.sameRate
        }
        return settings
    }

    /// The same of a run that was recorded, whose model and rows have decided.
    package func recordedSettings() -> [String: String] {
        var recorded = self
        recorded.headLearningRate = resolvedHeadLearningRate
        recorded.tuning.adalora.tripletSteps = tuning.adalora.tripletSteps ?? .plain
        recorded.sharedPrefix = resolvedSharedPrefix
        return recorded.effectiveSettings()
    }

    /// Of the head where it has none of its own
    package static let sameRate = "the learning rate"

    /// What decides settings that model and rows decide: the rule, not the words of its help, tells runs apart.
    private static let rules = [
        "initial-rank": "max(1.5x, 8)", "pooling": "the model's",
        "head-learning-rate": "\(usualHeadRate) on one matrix",
        "triplet-steps": "lora", "epochs": "max(\(fewestEpochs), \(fewestSteps) steps)",
        "shared-prefix": "auto for decoders",
        "batch-size": "\(usualBatchSize.few) up to \(fewRows) rows, \(usualBatchSize.many)",
    ]

    /// One line for each setting that differs, such as `learning-rate: 0.003 in the run, 0.001 now`.
    ///
    /// - Parameters:
    ///   - other: the configuration of the run; `self` is the one of now.
    ///   - ignored: keys of settings that may differ.
    package func differences(from other: RunConfig, except ignored: Set<String> = []) -> [String] {
        SettingTable.all.compactMap { setting in
            if ignored.contains(setting.key) { return nil }
            let now = setting.text(self)
            let before = setting.text(other)
            if now == before { return nil }
            return "\(setting.key): \(before ?? "none") in the run, \(now ?? "none") now"
        }
    }
}
