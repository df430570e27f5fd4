import CVectorKernels

/// ggml's Q4_0: 32 weights of a row are a half-precision scale d and 32 nibbles q, weight = d · (q − 8).
enum Q4_0Weight {
    static let format = WeightFormat(
        "Q4_0", blockWeights: 32, blockBytes: 18, unpack: avk_from_q4_0, pack: avk_to_q4_0)
}
