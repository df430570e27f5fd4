import CVectorKernels

/// ggml's Q6_K: 256 weights of a row are a half-precision scale d and 16 groups with a scale s of a signed byte,
/// weight = d · s · (q − 32) with q of 6 bits.
enum Q6_KWeight {
    static let format = WeightFormat(
        "Q6_K", blockWeights: 256, blockBytes: 210, unpack: avk_from_q6_k, pack: avk_to_q6_k)
}
