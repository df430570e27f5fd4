import CVectorKernels

/// ggml's IQ4_NL: 32 weights of a row are a half-precision scale d and 32 nibbles, each the place of a number v in
/// a table of 16, weight = d · v.
enum IQ4_NLWeight {
    static let format = WeightFormat(
        "IQ4_NL", blockWeights: 32, blockBytes: 18, unpack: avk_from_iq4_nl)
}
