import Autodiff

/// What decoders of layer norms, one fused projection of query, key and value, and a feed-forward network of two matrices
/// differ in.
struct LayerNormConfiguration: Sendable, Equatable {
    let names: LayerNormNames
    let vocabularySize: Int
    let hiddenSize: Int
    let layers: Int
    let heads: Int
    let intermediateSize: Int
    let positions: Int
    let normEpsilon: Float
    let activation: GELUForm
    /// Of the fused projection and the attention's output
    var hasAttentionBias = true
    /// Attention and feed-forward network both read the layer's input (Wang and Komatsuzaki 2021, "GPT-J-6B").
    var isParallel = false
    let tiesEmbeddings: Bool
    /// transformers' modules are its `Conv1D`.
    var isConv1D = false
    /// Their weights are [inputs, outputs] in the file.
    var isStoredTransposed = false
    /// Rows of the fused matrix are [head][query, key, value], otherwise [query, key, value][head].
    var isFusedByHead = false
    /// Of scores in place of 1/√D, by layer; one for each
    var scoreFactors: [Double]?
    /// nil where positions are learned
    var rotary: RotaryScheme?
    /// The token that classifiers pass over at the end of a text
    var padding: Int32?

    /// D, of one head
    var headWidth: Int { hiddenSize / heads }

    var sizes: BackboneSizes {
        BackboneSizes(hidden: hiddenSize, layers: layers, vocabulary: vocabularySize, positions: positions)
    }

    /// What queries of a layer are multiplied by, as attention itself divides scores by √D.
    func queryFactor(layer: Int) -> Float {
        scoreFactors.map { Float($0[layer] * Double(headWidth).squareRoot()) } ?? 1
    }

    /// Of query, key or value, the first, second or third part of the fused projection's columns.
    func columns(ofPart part: Int) -> ColumnBlocks {
        isFusedByHead
            ? ColumnBlocks(start: part * headWidth, stride: 3 * headWidth, count: heads, width: headWidth)
            : ColumnBlocks(start: part * hiddenSize, stride: hiddenSize, count: 1, width: hiddenSize)
    }
}

/// Modules as an architecture names them, without its prefix.
struct LayerNormNames: Sendable, Equatable {
    let words: String
    /// Learned positions
    var positions: String?
    /// In front of a layer's number
    let layer: String
    let attentionNorm: String
    let qkv: String
    let attentionOutput: String
    let feedForwardNorm: String
    let intermediate: String
    let output: String
    let finalNorm: String
    /// Ends of tensors that are no weights: masks and frequencies
    let buffers: [String]
}
