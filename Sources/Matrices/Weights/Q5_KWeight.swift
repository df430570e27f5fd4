import CVectorKernels

/// ggml's Q5_K: 256 weights of a row are half-precision scales d and e, and 8 groups with a scale s and a minimum m
/// of 6 bits, weight = d · s · q − e · m with q of 5 bits.
enum Q5_KWeight {
    static let format = WeightFormat(
        "Q5_K", blockWeights: 256, blockBytes: 176, unpack: avk_from_q5_k, pack: avk_to_q5_k)
}
