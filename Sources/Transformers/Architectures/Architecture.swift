import Autodiff
import ModelFiles

/// A kind of model as transformers knows it: what its checkpoints say and how they are opened. To add one: a file with its
/// value, and its place in the list. Nothing else asks which architecture a model is of.
package struct Architecture: Sendable {
    /// `model_type` of a `config.json`, and what transformers' classes of it start with.
    package struct ModelType: Sendable {
        package let name: String
        let className: String
        /// The whole class of its language models, where that is not `className` and `ForCausalLM`
        var languageModelClass: String?
    }

    /// Which classifiers transformers has for it, and what their tensors are called.
    struct Heads: Sendable {
        /// How transformers' sequence classifier reads the first row, or the last.
        enum Classifier: Sendable {
            /// The checkpoint's pooler, a dense layer and tanh, then the new classifier.
            case pooler
            /// A new dense layer of this name first, with dropout before it or not.
            case dense(String, DenseActivation, dropsInput: Bool)
            /// The last row of a decoder, through one matrix without bias.
            case lastRow
            /// The first row itself.
            case firstRow
            /// The first row, and behind it the mean of those of the patches.
            case firstAndMean
        }

        let classifier: Classifier
        /// The last linear layer of the sequence classifier
        var output = "classifier"

        /// Of transformers' decoders
        static let lastRow = Heads(classifier: .lastRow, output: "score")
    }

    package let modelTypes: [ModelType]
    /// What models of it are, for messages.
    package var noun: String { isDecoder ? "decoder" : "encoder" }
    /// Whether models of it read images in place of texts.
    package var readsImages = false
    /// Whether models of it have two towers, which read texts and images side by side.
    package var isPair = false
    /// How modules are called in files and by transformers' classes, where these differ.
    var spelling: ModuleSpelling?
    /// How its weights begin where nobody trained them, by their names without the prefix; nil of one that is not begun here.
    var initial: (@Sendable (HFConfig) throws -> @Sendable (_ name: String) -> InitialTensors.Start)?
    /// Whether a row sees only those before it, so that the model gives next words.
    package var isDecoder: Bool {
        if isPair { return false }
        return switch heads?.classifier {
        case .lastRow, nil: true
        case .pooler, .dense, .firstRow, .firstAndMean: false
        }
    }
    /// How transformers' sequence classifier of it reads rows.
    package var ownPooling: Pooling { isDecoder ? .last : .pooler }
    /// What PEFT's `task_type` would be for an adapter that says none; nil where it may be any.
    package var usualPEFTTask: String? { isDecoder ? HeadForm.vocabulary.peftTask : nil }
    /// For messages
    package var name: String { modelTypes[0].name }
    /// In front of the backbone's tensors in a whole model of transformers; PEFT's module paths have it too.
    package let prefix: String
    /// What the backbone's weights start with, without the prefix.
    package let parts: [String]
    /// Starts of weights' names, without the prefix, by which a checkpoint is known that says nothing else: the first
    /// others may have, too.
    let marks: [String]
    /// What the matrices of a layer that can carry adapters do, in the order of tables and of ties.
    package internal(set) var roles: [LinearSite.Role]
    /// Those of `roles` that multiply the layer's input.
    package let inputRoles: [LinearSite.Role]
    /// nil of a decoder whose rows are not classified, and of two towers.
    let heads: Heads?
    /// The module of the output matrix, where the model has one of its own.
    var vocabularyOutput = "lm_head"
    /// What a `config.json` describes. Throws where it asks for something that is not computed here.
    package let sizes: @Sendable (HFConfig) throws -> BackboneSizes
    /// Checks likewise, and takes the weights for a model of this architecture.
    let open: @Sendable (Architecture, HFConfig, any TensorSource) throws -> any Backbone

    /// The model that a `config.json` describes. Throws where it asks for something that is not computed here.
    func backbone(_ config: HFConfig, _ weights: any TensorSource) throws -> any Backbone {
        try open(self, config, spelling.map { RespelledTensors(weights, $0) } ?? weights)
    }

    /// The same with weights that nobody trained, drawn from streams of this seed.
    package func untrainedBackbone(_ config: HFConfig, seed: UInt64) throws -> any Backbone {
        guard let initial else {
            let others = Self.modelTypeNames(of: Self.all.filter { $0.initial != nil })
            throw ModelFileError(
                file: config.path, place: "model_type",
                problem: "\"\(name)\" is not begun here with weights that nobody trained",
                advice: "use a checkpoint, or one of " + others.joined(separator: ", "))
        }
        return try open(
            self, config, InitialTensors(path: config.path, seed: seed, start: initial(config)))
    }
}

extension Architecture {
    /// What transformers' whole models call a weight that has the prefix or not.
    package func wholeName(_ name: String) -> String {
        let isOutside = name.hasPrefix(outputName(.vocabulary) + ".")
        return name.hasPrefix(prefix) || isOutside ? name : prefix + name
    }

    /// What transformers' files call a weight of a whole model, by its name there or in the classes of today.
    package func storedName(_ name: String) -> String { spelling?.stored(name) ?? name }

    /// What its classes of today call a weight or module of a whole model, by that name or the one in its files.
    package func moduleName(_ name: String) -> String { spelling?.module(name) ?? name }

    /// What ends the name of transformers' class of a model with such a head.
    func classEnd(_ head: HeadForm) -> String {
        guard readsImages, case .sequence(let pooling) = head else { return head.classEnd }
        return pooling.isOfTransformers ? "ForImageClassification" : "Model"
    }

    /// Of `task_type` in PEFT's adapter_config.json; nil where its own classes know no such task.
    package func peftTask(_ head: HeadForm) -> String? { readsImages ? nil : head.peftTask }

    /// Whether transformers' sequence classifier reads two rows beside each other.
    package var readsRowsBesideEachOther: Bool {
        if case .firstAndMean? = heads?.classifier { true } else { false }
    }

    /// Columns of the rows that a head on a model of this width reads.
    package func headWidth(_ head: HeadForm, hidden: Int) -> Int {
        head == .sequence(.pooler) && readsRowsBesideEachOther ? 2 * hidden : hidden
    }

    /// Whether transformers' model with such a head has the pooler of the backbone.
    package func hasPooler(_ head: HeadForm) -> Bool {
        guard case .sequence = head, case .pooler? = heads?.classifier else { return false }
        return true
    }

    /// Whether transformers' model with such a head has a dense layer of the head's own before the last.
    package func hasDense(_ head: HeadForm) -> Bool {
        guard case .sequence = head, case .dense? = heads?.classifier else { return false }
        return true
    }

    /// Whether all that trains of such a head is one matrix on a row that the model gives.
    package func hasOneMatrix(_ head: HeadForm) -> Bool {
        guard case .sequence(let pooling) = head else { return false }
        if pooling == .pooler, case .dense? = heads?.classifier { return false }
        return true
    }

    /// Modules that transformers puts on the backbone, with any head.
    var headModules: Set<String> {
        var modules = Set([.sequence(.pooler), .token, .span, .vocabulary].map(outputName))
        if case .dense(let name, _, _)? = heads?.classifier { modules.insert(name) }
        return isDecoder ? modules : modules.union(["pooler"])
    }

    /// Where the last linear layer of a head stands in transformers' models.
    package func outputName(_ head: HeadForm) -> String {
        switch head {
        case .sequence: heads?.output ?? "classifier"
        case .token: "classifier"
        case .span: "qa_outputs"
        case .vocabulary: vocabularyOutput
        case .pair: "logit_scale"
        }
    }
}
