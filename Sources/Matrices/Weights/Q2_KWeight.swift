import CVectorKernels

/// ggml's Q2_K: 256 weights of a row are half-precision scales d and e, and 16 groups with a scale s and a minimum
/// m of 4 bits, weight = d · s · q − e · m with q of 2 bits.
enum Q2_KWeight {
    static let format = WeightFormat(
        "Q2_K", blockWeights: 256, blockBytes: 84, unpack: avk_from_q2_k)
}
