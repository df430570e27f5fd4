import CVectorKernels

/// ggml's Q4_1: 32 weights of a row are a half-precision scale d and minimum m and 32 nibbles q, weight = d · q +
/// m.
enum Q4_1Weight {
    static let format = WeightFormat(
        "Q4_1", blockWeights: 32, blockBytes: 20, unpack: avk_from_q4_1, pack: avk_to_q4_1)
}
