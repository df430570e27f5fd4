import CVectorKernels

/// ggml's Q8_0: 32 weights of a row are a half-precision scale d and 32 signed bytes q, weight = d · q.
enum Q8_0Weight {
    static let format = WeightFormat(
        "Q8_0", blockWeights: 32, blockBytes: 34, unpack: avk_from_q8_0, pack: avk_to_q8_0)
}
