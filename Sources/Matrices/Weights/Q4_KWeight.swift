import CVectorKernels

/// ggml's Q4_K: 256 weights of a row are half-precision scales d and e, and 8 groups with a scale s and a minimum m
/// of 6 bits, weight = d · s · q − e · m with q of 4 bits.
enum Q4_KWeight {
    static let format = WeightFormat(
        "Q4_K", blockWeights: 256, blockBytes: 144, unpack: avk_from_q4_k, pack: avk_to_q4_k)
}
