import Datasets
import Foundation
import Messages
import ModelFiles
import Tasks

/// The `README.md` of an exported folder: what was trained, on what, how well, and how to use it from Python and by
/// adalora. Front matter as the Hub reads it (`ModelCardData` of huggingface_hub).
package struct ModelCard: Sendable {
    package static let file = "README.md"

    /// For people and, by `tag`, for the Hub
    package struct Form: Sendable {
        /// `LoRA of one rank for every module`
        let name: String
        /// nil where nothing says more than the method.
        let tag: String?
        /// A model of its own, that needs no base.
        let isWhole: Bool
    }

    /// What was trained.
    package struct Adapter: Sendable {
        /// `AdaLoRA`
        let kind: String
        let ranks: [(tower: String?, layer: Int, role: String, rank: Int)]
        /// Of triplets, head and what else is changed
        let parameters: Int
        let baseParameters: Int
        /// Weights outside the triplets that it changes; nil for none.
        let changed: String?
    }

    /// The folder's
    let name: String
    let form: Form
    let adapter: Adapter
    let base: BaseModelName.Choice
    let task: any LearningTask
    let columns: TrainedColumns?
    let maxLength: Int
    /// nil where no run's records are beside the adapter.
    let run: TrainedRun?
    let python: PythonUse

    private var card: TaskCard {
        task.card(TaskCard.Rows(maxLength: maxLength, isPair: columns?.text.count == 2))
    }

    /// The whole file.
    package var text: String {
        let sections = [frontMatter, "# " + CardText.plain(name), opening, trained, taskLines, figures, use]
        return sections.compactMap(\.self).joined(separator: "\n\n") + "\n"
    }

    private var frontMatter: String {
        // The Hub refuses a card whose base is no name of a model there.
        let hubName = base.isOnHub ? base.name : nil
        var tags = [adapter.kind.lowercased().replacing("(ia)³", with: "ia3")]
        if let tag = form.tag, !tags.contains(tag) { tags.append(tag) }
        if let hubName, !form.isWhole { tags.append("base_model:adapter:\(hubName)") }
        let lines =
            (hubName.map { ["base_model: \(CardText.yaml($0))"] } ?? [])
            + [
                "library_name: \(form.isWhole ? "transformers" : "peft")",
                "pipeline_tag: \(card.pipelineTag)", "tags:",
            ] + tags.map { "- " + CardText.yaml($0) }
        return (["---"] + lines + ["---"]).joined(separator: "\n")
    }

    private var opening: String {
        let made = form.isWhole ? "A model" : "An adapter"
        let named = base.origin == .wholePath ? nil : CardText.code(base.name)
        let on = named.map { form.isWhole ? " made from \($0)" : " for \($0)" } ?? ""
        return "\(made)\(on): \(card.answers). Trained with swift-adalora, written as \(form.name)."
    }

    private var trained: String {
        let ranks = adapter.ranks.map(\.rank)
        let matrices = ranks.count { $0 > 0 }
        var sentence = "\(adapter.kind)"
        if !ranks.isEmpty {
            sentence +=
                ": \(Figures.counted(ranks.reduce(0, +), "triplet")) in \(matrices) of "
                + Figures.counted(ranks.count, "matrix", plural: "matrices")
        }
        if let budget = run?.budget { sentence += " (budget: \(budget))" }
        let head = python.head.isOwn ? "" : "with the head "
        sentence += "; \(head)\(Figures.counted(adapter.parameters, "parameter")) were trained"
        if let share = Figures.percent(adapter.parameters, of: adapter.baseParameters), share != "0.0" {
            sentence += ", \(share) % of the base model's number"
        }
        if let steps = run.map({ "\($0.step)" }) { sentence += ", in \(steps) steps" }
        if let rows = run?.rows { sentence += " on \(Figures.counted(rows, "row"))" }
        sentence += "."
        if let precision = run?.precision {
            sentence += " Products with the base model's weights were computed in \(precision)."
        }
        if let changed = adapter.changed {
            sentence += " It also changes \(CardText.plain(changed))."
        }
        return "## What was trained\n\n\(sentence)" + (rankTable.map { "\n\n" + $0 } ?? "")
    }

    /// Ranks by layer and role; nil without any.
    private var rankTable: String? {
        guard !adapter.ranks.isEmpty else { return nil }
        var (roles, towers): ([String], [String?]) = ([], [])
        for site in adapter.ranks where !roles.contains(site.role) { roles.append(site.role) }
        for site in adapter.ranks where !towers.contains(site.tower) { towers.append(site.tower) }
        let rows = towers.flatMap { tower in
            let sites = adapter.ranks.filter { $0.tower == tower }
            return Set(sites.map(\.layer)).sorted().map { layer in
                let own = sites.filter { $0.layer == layer }
                let cells = roles.map { role in own.first { $0.role == role }.map { "\($0.rank)" } ?? "" }
                return ["\(tower.map { $0 + " " } ?? "")\(layer)"] + cells
                    + ["\(own.reduce(0) { $0 + $1.rank })"]
            }
        }
        return CardText.table(["layer"] + roles + ["total"], rows)
    }

    private var taskLines: String {
        var lines = ["- task: \(task.kind.rawValue)"]
        let labels = task.record.labels
        if !labels.isEmpty {
            let shown = labels.prefix(50).map { CardText.code($0) }.joined(separator: ", ")
            let rest =
                labels.count > 50 ? " and \(labels.count - 50) more, all of them in `adalora.json`" : ""
            lines.append("- labels, in the order of the logits: \(shown)\(rest)")
        }
        if let columns {
            func list(_ what: String, _ names: [String]) -> String? {
                guard !names.isEmpty else { return nil }
                let shown = names.prefix(50).map { CardText.code($0) }.joined(separator: ", ")
                return "- \(what) column\(names.count == 1 ? "" : "s"): \(shown)"
            }
            lines += [list("text", columns.text), list("label", columns.labels)].compactMap(\.self)
        }
        if !task.kind.readsImages || task.kind.readsPairs {
            lines.append("- rows of at most \(maxLength) tokens")
        }
        return "## Task\n\n" + lines.joined(separator: "\n")
    }

    private var figures: String? {
        guard let run, let figures = run.figures else { return nil }
        return "## Validation\n\nAt step \(run.step)"
            + (run.validationRows > 0 ? ", on \(Figures.counted(run.validationRows, "row"))" : "") + ":\n\n"
            + CardText.table(["metric", "value"], figures.map { [$0.name, $0.value] })
    }

    private var use: String {
        let code = "```python\n" + python.lines(card).joined(separator: "\n") + "\n```"
        let folder = shellQuoted(python.folder)
        var command = "adalora predict \(folder) \(SettingName.data) rows.jsonl"
        var note = ""
        if !form.isWhole {
            let last = URL(fileURLWithPath: base.name).lastPathComponent
            let isShown = base.origin != .wholePath
            let isThere = isShown && (base.name.hasPrefix(".") || base.name.hasPrefix("/"))
            command += " \(SettingName.model) \(shellQuoted(isThere ? base.name : last))"
            if !isThere {
                let files = isShown ? CardText.code(base.name) : "the base model"
                note = "\n\n\(CardText.code(last)) is a folder with the files of \(files)."
            }
        }
        return "## Use\n\n\(python.remarks)\n\n\(code)\n\nBy adalora:\n\n"
            + "```console\n$ \(command)\n```\(note)"
    }
}
