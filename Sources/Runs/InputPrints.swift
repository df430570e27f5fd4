import Foundation
import ModelFiles
import RunConfiguration
import Tasks
import Transformers

/// What a resumed run must find unchanged, by name.
struct InputPrints {
    let config: RunConfig
    let pretrained: PretrainedModel
    /// Of the base model's weights
    let formats: String?
    /// Training rows, then validation rows
    let tokenized: [TokenizedDataset]
    let classWeights: [Double]?
    /// nil of a model that reads texts
    let images: ImageReading?
    let startingAdapter: StartingAdapter?
    let rows: RunRows
    let given: GivenRows

    /// - Parameter model: the fingerprint of the base model's weights, in this form.
    func all(_ form: Fingerprint.Form, model: String) throws -> [(name: String, hash: String)] {
        func of(_ path: String) throws -> String {
            try given.fingerprint(path, form)
        }
        var prints = [
            ("model", model),
            ("model configuration", try pretrained.configurationPrint(form)),
            ("train", try of(config.train)),
            ("tokens", TokenizedDataset.fingerprint(tokenized, form)),
        ]
        // Products with weights of other formats round otherwise than those of versions that made Float32 of them.
        if let formats { prints.append(("formats", formats)) }
        if let file = config.validation { prints.append(("validation", try of(file))) }
        if let print = rows.heldOutPrint(form) { prints.append((RunRows.heldOutPrint, print)) }
        if let file = config.usedChatTemplate { prints.append(("chat template", try of(file))) }
        if let file = config.usedSamples { prints.append(("samples", try of(file))) }
        if let file = config.usedForgetting { prints.append(("forgetting", try of(file))) }
        if let file = config.usedLabelNames { prints.append(("label names", try of(file))) }
        if let images {
            let print = Fingerprint(form)
            JSONValue.object(images.preprocessing.asWritten).bytes().withUnsafeBytes { print.add($0) }
            prints.append(("image preprocessing", print.text()))
            prints.append(("images", try rows.all.imageFingerprint(form)))
            if config.validation != nil, let validation = rows.validation {
                prints.append(("validation images", try validation.imageFingerprint(form)))
            }
        }
        if let classWeights {
            let print = Fingerprint(form)
            classWeights.withUnsafeBytes { print.add($0) }
            prints.append(("class weights", print.text()))
        }
        if let pattern = config.tuning.rankPattern, config.tuning.method.keepsRanks {
            let file = RankPattern.file(URL(fileURLWithPath: pattern))
            prints.append(("rank pattern", try Fingerprint.of(file: file, form)))
        }
        return prints + (try startingAdapter?.folder.fingerprints(form) ?? [])
    }
}
