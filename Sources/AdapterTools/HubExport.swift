import Adapters
import Foundation
import Matrices
import Messages
import ModelFiles
import Tasks
import Training
import Transformers

/// Writes bottleneck adapters as a folder of AdapterHub's library, and checks what it wrote.
package enum HubExport {
    package struct Outcome: Sendable {
        /// Exported against original
        package let difference: LogitDifference
        /// `6 bottleneck adapters (pfeiffer, width 24)`
        package let adapters: String
        /// What it calls the base model
        package let base: BaseModelName.Choice
        package let warnings: [String]
    }

    /// Writes the new folder; it appears only if the exported adapter, opened again, gives the same logits.
    package static func run(_ options: AdapterExport.Options) throws -> Outcome {
        let folder = try VerifiedFolder(new: options.output)
        let opened = try OpenedAdapter(options.adapter, modelFolder: options.modelFolder)
        let written = try AdapterDescription(options.adapter)
        let base = try BaseModelName.choose(
            options.baseName, opened.loaded, written: written.baseModel)
        let (head, backbone) = (opened.head, opened.loaded.backbone)
        let names = try names(opened, base, options)
        let workers = Workers(threads: options.threads)
        let samples = LogitCheck.samples(
            opened.loaded.tokenizer, of: opened.loaded.backbone, maxLength: opened.description.maxLength,
            outputs: head.tokenOutputs)
        let model = options.modelFolder ?? URL(fileURLWithPath: opened.description.baseModel)
        let readme = try readme(names, opened)
        let difference = try folder.write(
            "the exported adapter", expected: opened.model(workers).logits(samples), samples: samples,
            tolerance: options.tolerance
        ) { target in
            try AdapterHub.write(
                opened.adapters, of: backbone, head: head, labels: opened.task.record.labels, names,
                into: target)
            // Here adalora finds the base by its whole path, from wherever it is called.
            let description = base.isLocal ? opened.description : opened.description.naming(base.name)
            try description.write(into: target)
        } open: { target in
            try OpenedAdapter(target, modelFolder: model).model(workers)
        } document: { target in
            try AtomicFile.write(Data(readme.utf8), to: target.appendingPathComponent(ModelCard.file))
        }
        let parts = opened.adapters.parts
        let summary = parts.first.map { "\(parts.count) \($0.kind)s (\($0.summary))" } ?? ""
        return Outcome(
            difference: difference, adapters: summary, base: base, warnings: warnings(opened))
    }

    private static func names(
        _ opened: OpenedAdapter, _ base: BaseModelName.Choice, _ options: AdapterExport.Options
    ) throws -> AdapterHub.Names {
        guard !opened.description.isWholeModel, !opened.adapters.parts.isEmpty else {
            throw TrainingError(
                .usage,
                "\(options.adapter.path) has no bottleneck adapters, which \(SettingName.to) adapterhub is for; "
                    + opened.otherWay)
        }
        let config = opened.loaded.model.config.raw
        guard opened.loaded.model.gguf == nil, let type = config["model_type"]?.string,
            let name = Architecture.className(modelType: type, head: opened.head.form)
        else {
            throw TrainingError(
                .usage,
                "\(opened.loaded.url.path) is no folder that AdapterHub's library opens as a base model; give the Hugging Face "
                    + "model that it was made from with \(SettingName.model)")
        }
        // No dot: PyTorch takes what is after one for a module of its own.
        let plain = options.output.lastPathComponent.map { character in
            character.isASCII && (character.isLetter || character.isNumber || character == "-")
                ? character : "_"
        }
        return AdapterHub.Names(
            modelClass: name, modelType: type, modelName: base.name, adapter: String(plain))
    }

    private static func warnings(_ opened: OpenedAdapter) -> [String] {
        var warnings = opened.warnings
        if opened.description.baseFormat != nil {
            warnings.append(
                "the adapter was trained over a base kept in another format; AdapterHub's library puts it on the files' own "
                    + "weights, which are near")
        }
        if let pooling = opened.head.form.pooling, !pooling.isOfTransformers {
            warnings.append(
                "AdapterHub's library puts the adapter on transformers' sequence classifier, which has its own pooling, not "
                    + "\(pooling.rawValue): what that answers is wrong; train with \(SettingName.pooling) "
                    + opened.loaded.backbone.architecture.ownPooling.rawValue)
        }
        return warnings
    }

    private static func readme(_ names: AdapterHub.Names, _ opened: OpenedAdapter) throws -> String {
        let part = opened.adapters.parts.first
        let kind = part.map { "\(opened.adapters.parts.count) \($0.kind)s (\($0.summary))" } ?? ""
        let weights = try opened.loaded.model.openWeights()
        let replacesHead = opened.head.parameters.contains { parameter in
            weights.tensor(parameter.name).map { $0.shape != parameter.savedShape } ?? false
        }
        let outputs =
            (opened.head.form.isOwn ? "" : ", num_labels=\(opened.task.outputs)")
            + (replacesHead ? ", ignore_mismatched_sizes=True" : "")
        let count = opened.adapters.liveParameterCount
        return """
            # \(CardText.plain(names.adapter))

            \(kind) of \(Figures.counted(count, "parameter")) for \(CardText.code(names.modelName)). Trained with \
            swift-adalora, written for AdapterHub's library (adapters 1.3):

            ```python
            import adapters, transformers

            model = transformers.\(names.modelClass).from_pretrained(BASE\(outputs))
            adapters.init(model)
            model.set_active_adapters(model.load_adapter(FOLDER, use_safetensors=True))
            model.eval()
            ```

            """
    }
}
