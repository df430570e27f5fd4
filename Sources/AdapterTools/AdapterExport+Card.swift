import Foundation
import ModelFiles
import RunRecords
import Tasks
import Transformers

extension AdapterExport.Form {
    fileprivate var card: ModelCard.Form {
        switch self {
        case .lora:
            .init(name: "LoRA, every module zero-padded to one rank", tag: "lora", isWhole: false)
        case .raggedLoRA:
            .init(name: "LoRA, each module with its own rank", tag: "lora", isWhole: false)
        case .peftAdaLoRA: .init(name: "PEFT's AdaLoRA", tag: "adalora", isWhole: false)
        case .merged:
            .init(name: "a model of transformers with the updates in its weights", tag: nil, isWhole: true)
        }
    }
}

extension AdapterExport {
    /// What the exported folder says of itself. Made before anything is merged.
    static func card(
        _ opened: OpenedAdapter, _ options: Options, base: BaseModelName.Choice, run: TrainedRun?
    ) throws -> ModelCard {
        let (head, adapters) = (opened.head, opened.adapters)
        let ownHead = head.parameters.reduce(0) { $0 + $1.values.count }
        return ModelCard(
            name: options.output.standardizedFileURL.lastPathComponent, form: options.form.card,
            adapter: ModelCard.Adapter(
                kind: opened.kind,
                ranks: zip(adapters.ranked.adapters, adapters.ranked.ranks).map {
                    ($0.site.tower?.rawValue, $0.site.layer, $0.site.role.rawValue, $1)
                },
                parameters: run?.parameters
                    ?? adapters.liveParameterCount + ownHead + opened.changed.parameterCount,
                baseParameters: opened.loaded.backbone.parameterCount,
                changed: opened.changed.isEmpty || adapters.adapters.isEmpty ? nil : opened.changed.summary),
            base: base, task: opened.task, columns: opened.description.columns,
            maxLength: opened.description.maxLength, run: run,
            python: try python(opened, options, base: base))
    }

    private static func python(
        _ opened: OpenedAdapter, _ options: Options, base: BaseModelName.Choice
    ) throws -> PythonUse {
        let (head, source) = (opened.head, opened.loaded.url)
        let (model, output) = (opened.loaded.model, options.output)
        let weights = try model.openWeights()
        let architecture = opened.loaded.backbone.architecture
        let stated = ["dtype", "torch_dtype"].compactMap { model.config.raw[$0]?.string }
        return PythonUse(
            folder: BaseModelName.pathFromHere(output) ?? "./" + output.standardizedFileURL.lastPathComponent,
            base: base.origin == .wholePath ? nil : base.name, isWhole: options.form == .merged,
            head: head.form,
            outputModule: architecture.outputName(head.form),
            hasDense: architecture.hasDense(.sequence(.pooler)),
            labels: opened.task.record.labels, outputs: opened.task.outputs,
            replacesHead: head.parameters.contains { parameter in
                weights.tensor(parameter.name).map { $0.shape != parameter.savedShape } ?? false
            },
            isOtherPrecision: opened.loaded.formats != nil || stated.contains { $0 != "float32" },
            needsPadding: architecture.isDecoder,
            spacesWords: try head.form.readsWords
                && !opened.loaded.tokenizer.filesSpacingWords(in: source).isEmpty,
            isOnGGUF: model.gguf != nil && base.isLocal, readsImages: architecture.readsImages,
            readsPairs: architecture.isPair,
            isNarrower: architecture.readsRowsBesideEachOther
                && architecture.headWidth(head.form, hidden: 1) == 1)
    }

    /// Of an adapter that its run still holds. What is wrong with the run's records keeps no adapter from being exported.
    static func run(of options: Options, step: Int) -> (run: TrainedRun?, warning: String?) {
        do {
            return (try TrainedRun(of: options.adapter, step: step), nil)
        } catch {
            return (nil, "\(ModelCard.file) has no figures of the run: \(error)")
        }
    }
}
