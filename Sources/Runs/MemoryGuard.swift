import Adapters
import Messages
import RunConfiguration
import Settings
import Training

/// Refuses runs that this machine has not the memory for, before they start.
package struct MemoryGuard {
    /// Go on all the same, with a warning.
    let isIgnored: Bool
    private let memory: ProcessMemory
    /// What the process had in memory before the inputs were read.
    let start: Int?
    package private(set) var warnings: [String] = []

    package init(isIgnored: Bool, memory: ProcessMemory = ProcessMemory()) {
        self.isIgnored = isIgnored
        self.memory = memory
        start = memory.resident
    }

    /// With every weight trained the trainer alone, values, gradient and AdamW's averages, may be too much to make.
    mutating func checkState(_ inputs: RunInputs, _ config: RunConfig, threads: Int) throws {
        guard config.tuning.method.trainsBackbone, let available = memory.available else { return }
        let weights = inputs.backbone.parameterCount
        let state = 4 * weights * MemoryLayout<Float>.size
        if state > available {
            try refuse(
                "values, gradient and AdamW's averages of \(weights) weights alone need \(Self.shown(state))",
                available, config, threads)
        }
    }

    package mutating func check(_ estimate: MemoryEstimate, _ config: RunConfig, threads: Int) throws {
        guard let available = estimate.available else {
            warnings.append(
                "the system does not tell how much memory is available; the estimate of "
                    + "\(Self.shown(estimate.total)) is not checked")
            return
        }
        if estimate.fits { return }
        let largest = estimate.parts.prefix(3).map { "\($0.name) \(Self.shown($0.bytes))" }
        try refuse(
            "training needs about \(Self.shown(estimate.total)) of memory (\(largest.joined(separator: "; ")))",
            available, config, threads)
    }

    private mutating func refuse(
        _ need: String, _ available: Int, _ config: RunConfig, _ threads: Int
    ) throws {
        let text = "\(need), \(Self.shown(available)) are available"
        if isIgnored {
            warnings.append(text)
            return
        }
        var ways: [String] = []
        if config.tuning.method.trainsBackbone {
            ways.append("\(SettingName.method) \(FineTuningMethod.withAdapters)")
        }
        let more = RunConfig.Recompute.savingMore(than: config)
        if !more.isEmpty {
            ways.append("\(SettingName.recompute) \(alternatives(more.map(\.rawValue)))")
        }
        if case .bytes = config.frozenCache { ways.append("\(SettingName.frozenCache) auto") }
        if threads > 1 { ways.append("fewer \(SettingName.threads)") }
        ways += ["a shorter \(SettingName.maxLength)", "a smaller \(SettingName.batchSize)"]
        throw TrainingError(
            .usage,
            "\(text); try \(ways.joined(separator: ", ")), or \(SettingName.ignoreMemory) to go on all the same"
        )
    }

    /// `1,234 MB`
    private static func shown(_ bytes: Int) -> String { "\((bytes + 500_000) / 1_000_000) MB" }
}
