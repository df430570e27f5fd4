import Autodiff
import Foundation
import Images
import Matrices
import Messages
import ModelFiles
import Tasks
import Tokenizers
import Training
import Transformers

/// A fully fine-tuned model as a Hugging Face folder: `config.json` with the labels, `model.safetensors` (or several
/// shards and their index) with the backbone under its prefix (`bert.`) and the classifier, and the files of the base model that
/// say how texts become tokens, or images pixels.
package enum WholeModelFolder {
    /// Throws where transformers would not open what was written as this model; see `WholeModelConfig.check`.
    ///
    /// - Parameter shardLimit: bytes of tensors in one file of weights.
    package static func write(
        _ model: SequenceModel, task: any LearningTask, base: URL, shardLimit: Int = WeightShards.usualLimit,
        into folder: URL
    ) throws {
        try requireFolder(
            base, "writing a whole model",
            advice: "give that, or write the model as a GGUF (adalora export \(SettingName.to) gguf)")
        let weights = weights(of: model)
        let shards = WeightShards(
            byteCounts: weights.map { $0.weight.count * MemoryLayout<Float>.size }, limit: shardLimit)
        try shards.write(
            names: weights.map(\.name), elements: weights.reduce(0) { $0 + $1.weight.count }, into: folder
        ) { index in
            let (name, weight) = weights[index]
            return TensorToWrite(name: name, shape: weight.savedShape, values: weight.savedFloats)
        }
        try WholeModelConfig.write(task: task, head: model.head, base: base, into: folder)
        let readsImages = model.backbone.imageInput != nil
        let images = readsImages ? [ImagePreprocessing.file, ImagePreprocessing.processorFile] : []
        let texts =
            readsImages && model.backbone.pair == nil
            ? [] : TokenizerFileNames.all + TokenizerFileNames.sentencePiece
        for name in texts + images {
            let source = base.appendingPathComponent(name)
            guard let data = FileManager.default.contents(atPath: source.path) else { continue }
            try AtomicFile.write(data, to: folder.appendingPathComponent(name))
        }
        if model.head.form.readsWords {
            // transformers reads given words like ours only where the files ask for a space before each.
            for (name, content) in try Tokenizer(folder: base).filesSpacingWords(in: base) {
                try AtomicFile.write(Data(content.bytes()), to: folder.appendingPathComponent(name))
            }
        }
        try check(folder, holds: model)
    }

    /// Throws for a GGUF: of its weights many are of a few bits, and some in another order than transformers has.
    ///
    /// - Parameter what: cannot be done with one.
    package static func requireFolder(_ base: URL, _ what: String, advice: String) throws {
        guard PretrainedModel.isGGUF(base) else { return }
        throw TrainingError(
            .usage,
            "\(base.path) is a GGUF, and \(what) takes the model's Hugging Face folder: \(advice)")
    }

    /// Throws unless transformers would open the folder as this model.
    static func check(_ folder: URL, holds model: SequenceModel) throws {
        try WholeModelConfig.check(
            folder, outputs: model.head.form.isOwn ? nil : model.head.outputs,
            tensors: weights(of: model).map { ($0.name, $0.weight.savedShape) })
    }

    /// The weights of transformers' model with this head, by their names there.
    private static func weights(of model: SequenceModel) -> [(name: String, weight: any Operand)] {
        let architecture = model.backbone.architecture
        let pooler = architecture.hasPooler(model.head.form) ? nil : model.backbone.pooler
        // Classifiers have no output matrix for words, but where it is that of the embeddings.
        let output = architecture.outputName(.vocabulary) + ".weight"
        let kept = model.backbone.weights.filter { weight in
            let isIdle = !model.head.form.isOwn && weight.name == output
            return weight !== pooler?.weight && weight !== pooler?.bias && !isIdle
        }
        // Backbones saved alone have names without the prefix that whole models give them.
        let backbone: [(name: String, weight: any Operand)] = kept.map { weight in
            (architecture.storedName(architecture.wholeName(weight.name)), weight)
        }
        return backbone + model.head.parameters.map { ($0.name, $0) }
    }

    static func loadHead(_ head: SequenceHead, from folder: URL) throws {
        let store = try HFFolder(folder).openWeights()
        for parameter in head.parameters {
            guard let info = store.info(parameter.name), info.shape == parameter.savedShape else {
                throw ModelFileError(
                    file: store.path, place: parameter.name,
                    problem: "missing, or not of shape \(parameter.savedShape)",
                    advice: "use the folder as adalora wrote it")
            }
            try store.copyFloat32(
                parameter.name,
                into: UnsafeMutableBufferPointer(
                    start: parameter.values.pointer, count: parameter.values.count))
        }
    }
}
