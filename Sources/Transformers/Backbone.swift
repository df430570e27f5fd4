import Autodiff
import Matrices

/// A pretrained model without a head: token ids, or images, to a row of hidden states for each token or patch, with linear
/// layers that can carry adapters. An architecture's file gives one.
package protocol Backbone: AnyObject, Sendable {
    var architecture: Architecture { get }
    var sizes: BackboneSizes { get }
    /// In the model's order, each once, also where several layers share it; then it belongs to layer 0.
    var linearLayers: [LinearLayer] { get }
    /// The dense layer of the pooler, when the checkpoint has one.
    var pooler: Dense? { get }
    /// [V, C]: hidden rows to a number a word, of a model that gives them; tied to the embeddings or the checkpoint's own.
    var outputMatrix: Weight? { get }
    /// What becomes of those products before they are logits.
    var outputTransform: LogitTransform { get }
    /// Every weight, for counting and for training all of it.
    var weights: [Weight] { get }
    /// Tensors of the checkpoint that this model has no place for.
    var unusedWeights: [String] { get }
    /// [T, E]: what words are where a prefix of the input stands, before anything is added to them.
    func wordRows(_ ids: [Int32]) -> Matrix
    /// Of a model that reads images; nil for text.
    var imageInput: ImageInput? { get }
    /// Of a model of two towers; nil of one.
    var pair: PairOutput? { get }
    /// Of keys, and of values: columns, and the heads that they are of.
    var keyShape: (columns: Int, heads: Int) { get }
    /// Whether attention looks rows up by the distance of tokens, in tables as long as the longest sequence.
    var attendsByDistance: Bool { get }
    /// Where methods act beside the linear layers.
    var hooks: BackboneHooks { get }
    /// Whether both compute the same, but for their weights.
    func isBuilt(as other: any Backbone) -> Bool

    /// Whether what sequences of up to `longest` tokens begin with alike is computed once, where a batch says what that is:
    /// never where tokens see what follows.
    func sharesBeginnings(longest: Int) -> Bool

    /// Hidden states of the last layer: [T, C], or one row of each sequence [B, C], or rows of the batch [N, C].
    ///
    /// With `recomputing`, each layer but the last keeps only its input for the backward pass, and runs forward again
    /// there: about a third more time for the memory of one layer instead of all.
    ///
    /// `observe` is called with the embeddings (0) and the output of each layer (1 …), for parity tests.
    ///
    /// - Parameter start: what a layer of this batch reads, where that is known; nil to begin with the token ids.
    func hiddenStates(
        _ batch: PackedBatch, rows: HiddenRows, after start: LayerInput?, recomputing: Bool, on tape: Tape,
        observe: ((Int, Variable) -> Void)?
    ) -> Variable

    /// What `layer` reads of the batch, [T, C]. Without a prefix of the input.
    func input(ofLayer layer: Int, _ batch: PackedBatch, after start: LayerInput?, on tape: Tape) -> Variable

    /// For a sequence that is read token by token, or some tokens at a time; nil of a model that sees what follows.
    func startCache() -> KeyValueCache?
    /// The same hidden states [N, C] of N more tokens of a sequence, which see those that `cache` has read before, and itself
    /// has read then. On a tape that computes values.
    func hiddenStates(_ ids: [Int32], after cache: KeyValueCache, on tape: Tape) -> Variable
}

extension Backbone {
    package var pooler: Dense? { nil }
    package var imageInput: ImageInput? { nil }
    package var pair: PairOutput? { nil }
    package var outputMatrix: Weight? { nil }
    package var outputTransform: LogitTransform { .identity }
    package var attendsByDistance: Bool { false }
    package func sharesBeginnings(longest: Int) -> Bool { false }

    /// Frozen matrices are read in passing from now on, as `Weight.readInPassing` has it, for steps that save memory.
    package func readInPassing() {
        for weight in weights { weight.readInPassing() }
    }

    package func startCache() -> KeyValueCache? { nil }
    package func hiddenStates(_ ids: [Int32], after cache: KeyValueCache, on tape: Tape) -> Variable {
        preconditionFailure("\(architecture.name) gives no cache, and is asked to go on after one")
    }

    /// Tokens that a sequence may have: what positions hooks leave.
    package var longestSequence: Int {
        sizes.positions - (hooks.input?.count ?? 0) - (architecture.isDecoder ? hooks.attentionRows : 0)
    }

    /// How many numbers the weights are.
    package var parameterCount: Int { weights.reduce(0) { $0 + $1.count } }

    /// Whether the pooler's bias is 0 throughout, as transformers makes one for a checkpoint that has none; training
    /// moves it.
    package var hasUntrainedPooler: Bool {
        pooler.map { $0.bias.vector.values.allSatisfy { $0 == 0 } } ?? false
    }

    package func hiddenStates(
        _ batch: PackedBatch, rows: HiddenRows = .all, recomputing: Bool = false, on tape: Tape
    ) -> Variable {
        hiddenStates(batch, rows: rows, after: nil, recomputing: recomputing, on: tape, observe: nil)
    }

    package func hiddenStates(
        _ batch: PackedBatch, rows: HiddenRows, recomputing: Bool, on tape: Tape,
        observe: ((Int, Variable) -> Void)?
    ) -> Variable {
        hiddenStates(batch, rows: rows, after: nil, recomputing: recomputing, on: tape, observe: observe)
    }
}

/// Which rows of the last layer somebody reads.
package enum HiddenRows: Sendable, Equatable {
    case all
    /// Of each sequence
    case first
    /// Of each sequence the one that the layers see first: of a prefix of the input, where there is one. So classifiers with a
    /// pooler read it in PEFT.
    case start
    /// Of each sequence the last one that is no padding token
    case last
    /// Rows of the packed batch, in rising order.
    case some([Int])
}

/// What a model of two towers says: a row of each text and of each image, whose product is the logit that they belong together,
/// its temperature and bias with it.
///
/// Hidden states of a batch of texts with images are [B, 2 · D], the row of the text before that of its image; of texts alone
/// or images alone [B, D].
package struct PairOutput: Sendable, Equatable {
    /// What the logits of all texts and images of a batch are learned by.
    package enum Loss: Sendable {
        /// Each text is a class of the images and each image one of the texts (Radford et al. 2021, "CLIP").
        case softmax
        /// Each text and image belong together or not (Zhai et al. 2023, "SigLIP").
        case sigmoid
    }

    /// D
    package let columns: Int
    package let loss: Loss
    /// Tokens that every text is filled up to, and with which; nil where they are as long as they are.
    package private(set) var filled: (length: Int, id: Int32)?
    /// The token that ends texts, whose row is read; nil where it is another row.
    package let end: Int32?

    package init(columns: Int, loss: Loss, filled: (length: Int, id: Int32)?, end: Int32? = nil) {
        self.columns = columns
        self.loss = loss
        self.filled = filled
        self.end = end
    }

    /// The same where texts are filled up with this token, which their tokenizer names.
    package func filling(with id: Int32?) -> PairOutput {
        var copy = self
        if let id, let filled { copy.filled = (filled.length, id) }
        return copy
    }

    /// A text as long as all are, where they are filled up.
    package func filling(_ ids: [Int32]) -> [Int32] {
        guard let filled else { return ids }
        return ids + Array(repeating: filled.id, count: max(0, filled.length - ids.count))
    }

    package static func == (first: PairOutput, second: PairOutput) -> Bool {
        first.columns == second.columns && first.loss == second.loss && first.end == second.end
            && first.filled?.length == second.filled?.length && first.filled?.id == second.filled?.id
    }
}

/// What of a model's sizes others need to know.
package struct BackboneSizes: Sendable, Equatable {
    /// C
    package let hidden: Int
    package let layers: Int
    package let vocabulary: Int
    /// The longest sequence, in tokens.
    package let positions: Int
    /// Token types; 0 without.
    package var types = 0
}
