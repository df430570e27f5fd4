import Messages
import Settings

/// The rows of its settings.
extension LoRASettings {
    /// That mean something with a magnitude beside B and A too
    static let commonRows = [
        Setting<LoRASettings>(
            "rank-scaling",
            "Factor of the adapters' output: scale, or scale / √r of each matrix (rsLoRA, where scale is PEFT's lora_alpha)",
            choices: RankScaling.allCases.map(\.rawValue),
            set: { $0.rankScaling = try $1.choice() }, get: { $0.rankScaling.rawValue }),
        Setting(
            "lora-plus-ratio", "Learning rate of B as a multiple of A's (LoRA+, often 16 at a lower rate)",
            set: { $0.ratio = try $1.number(.aboveZeroTo(1_000_000)) },
            get: { SettingText.number($0.ratio) }),
    ].map { $0.within(\TuningSettings.lora) }

    static let ownRows = [
        Setting<LoRASettings>(
            "lora-start",
            "Where B and A start (pissa, olora: along W, whose part in them is taken off; the adapter has 2r)",
            choices: Start.allCases.map(\.rawValue),
            set: { $0.start = try $1.choice() }, get: { $0.start.rawValue }),
        Setting(
            "freeze-a", "Trains B alone, r·O parameters of an [O, I] matrix (LoRA-FA)",
            choices: FreezesA.allCases.map(\.rawValue),
            set: { $0.freezesA = try $1.choice() }, get: { $0.freezesA.rawValue }),
    ].map { $0.within(\TuningSettings.lora) }

    func check(_ settings: TuningSettings, _ rules: inout RuleCheck) {
        if settings.fromAdapter != nil, start != .random, rules.areKnown("from-adapter", "lora-start") {
            rules.add(
                "\(rules.mention("lora-start")): \(start.rawValue) chooses the start that from-adapter gives; leave one of "
                    + "the two out")
        }
        if freezesA == .on, settings.adapterOptimizer == .balanced,
            rules.areKnown("freeze-a", "adapter-optimizer")
        {
            rules.add(
                "\(rules.mention("adapter-optimizer")): balanced moves both factors, and freeze-a on keeps A as it is; leave one of the "
                    + "two out")
        }
        if freezesA == .on, ratio != 1, rules.areKnown("freeze-a", "lora-plus-ratio") {
            rules.add(
                "\(rules.mention("lora-plus-ratio")): freeze-a on leaves A no learning rate to be a multiple of; give B's as "
                    + "learning-rate, and leave lora-plus-ratio out")
        }
    }
}
