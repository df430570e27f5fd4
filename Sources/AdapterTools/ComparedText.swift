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

    /// Plain text (`.txt`), or labelled rows as the model's task reads them.
    init(_ url: URL, _ model: WrittenModel) throws {
        if url.pathExtension.lowercased() == "txt" {
            let text = try HeldOutText(
                url.path, loaded: model.loaded, maxLength: min(model.maxLength, model.loaded.usualMaxLength),
                for: .text)
            rows = TokenizedDataset(nextTokensOf: text.rows)
            (name, warnings) = (text.extent, text.warnings)
            return
        }
        let data = try Dataset.read(
            url, form: type(of: model.task).rowForm(labelSeparator: nil), columns: model.columns,
            requireLabels: true)
        rows = try model.task.tokenized(data, isLabelled: true, model.limits)
        name = "\(Figures.counted(data.examples.count, "row")) of \(url.path)"
        warnings = data.warnings + rows.warnings(name: url.path, maxLength: model.maxLength)
    }
}
