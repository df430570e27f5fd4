import Adapters
import Datasets
import RunConfiguration
import Tasks
import Testing
import Transformers

/// Names that a setting accepts are the cases of the library's own type, each read as itself.
@Suite struct ChoiceTests {
    private struct Row: Sendable {
        let key: String
        /// Of all cases of the type.
        let names: [String]
        /// The name of the case that a configuration holds.
        let name: @Sendable (RunConfig) -> String?
    }

    private static let rows = [
        Row(key: "task", names: TaskKind.allCases.map(\.rawValue)) { $0.task.rawValue },
        Row(key: "base-format", names: [BaseFormat.keep] + BaseFormat.all.map(\.name)) {
            $0.baseFormat?.name ?? BaseFormat.keep
        },
        Row(key: "delimiter", names: Delimiter.allCases.map(\.rawValue)) { $0.delimiter?.rawValue },
        Row(key: "long-rows", names: TokenizedDataset.LongRows.allCases.map(\.rawValue)) {
            $0.longRows.rawValue
        },
        Row(key: "train-on", names: TrainedParts.allCases.map(\.rawValue)) { $0.trainedParts.rawValue },
        Row(key: "image-flip", names: RunConfig.ImageFlip.allCases.map(\.rawValue)) { $0.imageFlip.rawValue },
        Row(key: "method", names: FineTuningMethod.all.map(\.name)) { $0.tuning.method.name },
        Row(key: "head-start", names: RunConfig.HeadStart.allCases.map(\.rawValue)) { $0.headStart.rawValue },
        Row(key: "pooling", names: Pooling.allCases.map(\.rawValue)) { $0.pooling?.rawValue },
        Row(key: "initialize", names: FactorInitialization.allCases.map(\.rawValue)) {
            $0.tuning.adalora.initialization.rawValue
        },
        Row(key: "rank-scaling", names: LoRASettings.RankScaling.allCases.map(\.rawValue)) {
            $0.tuning.lora.rankScaling.rawValue
        },
        Row(key: "lora-start", names: LoRASettings.Start.allCases.map(\.rawValue)) {
            $0.tuning.lora.start.rawValue
        },
        Row(key: "adapter-optimizer", names: AdapterOptimizer.allCases.map(\.rawValue)) {
            $0.tuning.adapterOptimizer.rawValue
        },
        Row(key: "freeze-a", names: LoRASettings.FreezesA.allCases.map(\.rawValue)) {
            $0.tuning.lora.freezesA.rawValue
        },
        Row(key: "allocator", names: AdaLoRASettings.Allocator.allCases.map(\.rawValue)) {
            $0.tuning.adalora.allocator.rawValue
        },
        Row(key: "importance", names: AdaLoRASettings.Importance.allCases.map(\.rawValue)) {
            $0.tuning.adalora.importance?.rawValue
        },
        Row(key: "importance-weights", names: AdaLoRASettings.ImportanceWeights.allCases.map(\.rawValue)) {
            $0.tuning.adalora.importanceWeights.rawValue
        },
        Row(key: "orthogonality", names: AdaLoRASettings.Orthogonality.allCases.map(\.rawValue)) {
            $0.tuning.adalora.orthogonality?.rawValue
        },
        Row(key: "triplet-steps", names: AdaLoRASettings.TripletSteps.allCases.map(\.rawValue)) {
            $0.tuning.adalora.tripletSteps?.rawValue
        },
        Row(key: "prefix-init", names: VirtualTokenSettings.PrefixStart.allCases.map(\.rawValue)) {
            $0.tuning.virtual.prefixStart.rawValue
        },
        Row(key: "prompt-init", names: VirtualTokenSettings.PromptStart.allCases.map(\.rawValue)) {
            $0.tuning.virtual.promptStart?.rawValue
        },
        Row(key: "bias", names: BiasesBesideAdapters.allCases.map(\.rawValue)) { $0.tuning.bias.rawValue },
        Row(key: "bottleneck-kind", names: BottleneckKind.allCases.map(\.rawValue)) {
            $0.tuning.bottleneck.kind.rawValue
        },
        Row(key: "schedule", names: RunConfig.LearningRateSchedule.allCases.map(\.rawValue)) {
            $0.learningRateSchedule.rawValue
        },
        Row(key: "recompute", names: RunConfig.Recompute.allCases.map(\.rawValue)) { $0.recompute.rawValue },
        Row(key: "precision", names: RunConfig.Precision.allCases.map(\.rawValue)) { $0.precision.rawValue },
        Row(key: "shared-prefix", names: RunConfig.SharedPrefix.allCases.map(\.rawValue)) {
            $0.sharedPrefix?.rawValue
        },
        Row(key: "best-metric", names: Metric.allCases.map(\.rawValue)) { $0.bestMetric?.rawValue },
    ]

    /// A configuration with this choice.
    private static func config(_ key: String, _ choice: String) throws -> RunConfig {
        var flags = smallest + [("validation", "v.csv"), (key, choice)]
        if key == "best-metric", let metric = Metric(rawValue: choice) {
            let task = try #require(TaskKind.allCases.first { metric.suits($0) })
            flags.append(("task", task.rawValue))
        }
        return try load(nil, flags).config
    }

    @Test func choicesAreTheCases() throws {
        for row in Self.rows {
            let setting = try #require(RunConfig.settings.first { $0.key == row.key })
            #expect(setting.choices == row.names && Set(row.names).count == row.names.count)
            for name in row.names {
                #expect(try row.name(Self.config(row.key, name)) == name, "\(row.key): \(name)")
            }
        }
        // Several of its names make one value.
        let bound = Set(Self.rows.map(\.key) + ["targets", "bias-roles"])
        #expect(Set(RunConfig.settings.filter { !$0.choices.isEmpty }.map(\.key)) == bound)
    }

    /// The resolved copy of a run says each choice as it was given.
    @Test func choicesAreWrittenAsTheyAreRead() throws {
        var count = 0
        for setting in RunConfig.settings {
            for choice in setting.choices {
                let lines = try Self.config(setting.key, choice).yaml().split(separator: "\n")
                let line = try #require(lines.first { $0.hasPrefix("\(setting.key): ") })
                let value = line.dropFirst(setting.key.count + 2)
                #expect([choice, "[\(choice)]"].contains(String(value)), "\(line)")
                count += 1
            }
        }
        #expect(count > 50)
    }
}
