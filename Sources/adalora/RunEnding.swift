import Adapters
import Foundation
import Messages
import ModelFiles
import RunConfiguration
import RunRecords

/// What `adalora train` says when a run is over: how good it is, and what to do with it.
struct RunEnding {
    let record: RunRecord
    let config: RunConfig

    private var folder: RunFolder { RunFolder(record.folder) }
    private var run: String { shellQuoted(config.output) }

    var text: String { ([quality] + forgetting + next).joined(separator: "\n") }

    /// How far the model that the run keeps is from its base model.
    private var forgetting: [String] {
        let kept = record.evaluations.last(where: \.isBest) ?? record.evaluations.last
        guard let metrics = kept.flatMap(ForgettingMetrics.init) else { return [] }
        return [
            "forgetting: held-out text has loss \(Figures.fixed(metrics.loss, 4)), \(Figures.fixed(metrics.baseLoss, 4)) before; KL to the base "
                + "model \(Figures.fixed(metrics.divergence, 4)) a token, the same most probable word before "
                + "\(Figures.fixed(100 * metrics.same, 1)) % of the tokens"
        ]
    }

    private var quality: String {
        let kept = "\(oneLine(config.output))/\(folder.best.lastPathComponent)"
        guard record.start.validationExamples > 0 else {
            return
                "quality unknown: there were no validation rows; --validation-fraction 0.1 holds some of the training rows "
                + "out, or give --validation FILE\nkept: \(kept), the last step"
        }
        guard let best = record.evaluations.last(where: \.isBest) else {
            return "no evaluation counts as the best: none within the budget had a finite "
                + "\(config.resolvedBestMetric?.rawValue ?? "metric")\nkept: \(kept), the last step"
        }
        let name = config.resolvedBestMetric?.rawValue ?? best.metrics.first?.name ?? "loss"
        let value = name == "loss" ? best.loss : best.metrics.first { $0.name == name }?.value
        let loss = name == "loss" ? "" : ", validation loss \(Figures.fixed(best.loss, 4))"
        let rows = Figures.counted(record.start.validationExamples, "validation row")
        return
            "best: \(name) \(value.map { Figures.fixed($0, 4) } ?? "undefined") on \(rows) at step \(best.step)\(loss)\n"
            + "kept: \(kept)"
    }

    private var next: [String] {
        let measure =
            record.start.validationExamples > 0
            ? "evaluate \(run) --validation-rows" : "predict \(run) --data FILE"
        let commands = [measure, "report \(run)"] + (export.map { [$0] } ?? [])
        return commands.enumerated().map { ($0 == 0 ? "next: " : "      ") + "adalora \($1)" }
    }

    /// nil for what is a whole model already, and where there is nothing beside the head.
    private var export: String? {
        let method = config.tuning.method
        guard method.trainsModel, !method.trainsBackbone, method.parts == nil else { return nil }
        if method.hasBudget, !(record.end?.ranks.contains(where: { $0 > 0 }) ?? false) { return nil }
        // Where updates do more than add, LoRA cannot hold them; a merged classifier would be read with the pooler.
        let isMergeable = !config.task.poolsRows || config.resolvedPooling.isOfTransformers
        guard method.addsToWeights || isMergeable else { return nil }
        let isGGUF = config.model.hasSuffix(".gguf")
        let target = method.addsToWeights ? "lora" : isGGUF ? "gguf" : "merged"
        let folder = config.output.hasSuffix("/") ? String(config.output.dropLast()) : config.output
        return
            "export \(run) --to \(target) --output \(shellQuoted(folder + (target == "gguf" ? ".gguf" : "-\(target)")))"
    }
}
