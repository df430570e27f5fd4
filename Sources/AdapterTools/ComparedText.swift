import Datasets
import Foundation
import Messages
import Tasks
import Training

/// A text on which a model is compared with what was made of it.
struct ComparedText {
    let rows: TokenizedDataset
    /// For people: what was read
    let name: String
    let warnings: [String]

    /// Plain text (`.txt`), or labelled rows as the model's task reads them; of an encoder without classifier texts of either.
    init(_ url: URL, _ model: WrittenModel) throws {
        if let written = model.rows, !written.isClassifier {
            let texts = try HeldOutText.lines(of: url.path, for: .text)
            let encodings = texts.lines.map {
                model.loaded.tokenizer.encode(
                    $0, maxLength: min(model.maxLength, model.loaded.usualMaxLength))
            }
            rows = TokenizedDataset(
                sequences: encodings.map { .init(ids: $0.ids, typeIDs: $0.typeIDs) })
            (name, warnings) = ("\(Figures.counted(rows.count, "text")) of \(url.path)", texts.warnings)
            return
        }
        guard let task = model.task, model.rows == nil || url.pathExtension.lowercased() != "txt" else {
            throw TrainingError(
                .usage,
                "\(url.path): a classifier is compared on rows with labels, as its task reads them; "
                    + (model.task == nil
                        ? "nobody trained this one here: leave out \(SettingName.text)"
                        : "give such rows as \(SettingName.text)"))
        }
        if url.pathExtension.lowercased() == "txt" {
            let text = try HeldOutText(
                url.path, loaded: model.loaded, maxLength: min(model.maxLength, model.loaded.usualMaxLength),
                for: .text)
            rows = TokenizedDataset(nextTokensOf: text.rows)
            (name, warnings) = (text.extent, text.warnings)
            return
        }
        let data = try Dataset.read(
            url, form: type(of: task).rowForm(labelSeparator: nil), columns: model.columns,
            requireLabels: true)
        rows = try task.tokenized(data, isLabelled: true, model.limits)
        name = "\(Figures.counted(data.examples.count, "row")) of \(url.path)"
        warnings = data.warnings + rows.warnings(name: url.path, maxLength: model.maxLength)
    }
}
