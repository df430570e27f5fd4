import Adapters
import Foundation
import Messages
import Tasks
import Training
import Transformers

extension OpenedAdapter {
    /// A LoRA that llama.cpp reads, on its base model: an adapter of the language model.
    init(loRAFile file: URL, base: URL, task named: TaskKind?, maxLength: Int?) throws {
        let form = HeadForm.vocabulary
        let kind = named ?? TaskKind.all(peftTask: form.peftTask)[0]
        guard kind.type.headForm(.pooler) == form else {
            throw TrainingError(
                .usage,
                "task \(kind.rawValue) has a head, for which a LoRA of llama.cpp has no place; leave out \(SettingName.task)"
            )
        }
        let loaded = try LoadedModel(base, maxLength: maxLength ?? 1)
        let head = try Self.headToFill(loaded, outputs: 0, form: form, dropout: 0)
        let (set, warnings) = try LoRAFile.load(file, onto: loaded.backbone, of: loaded.model)
        let length = maxLength ?? loaded.usualMaxLength
        try self.init(
            AdapterDescription(
                baseModel: base.standardizedFileURL.path,
                task: TaskRecord(kind, details: kind.type.details(maxLength: length)), maxLength: length,
                modelFingerprint: loaded.fingerprint, step: 0, isWholeModel: false),
            loaded, head, PEFTFolder.Loaded(set: set, changed: .none, warnings: []),
            notes: loaded.warnings + warnings, labelWarning: nil)
    }
}
