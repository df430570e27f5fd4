import CVectorKernels

/// ggml's Q3_K: 256 weights of a row are a half-precision scale d and 16 groups with a scale s of 6 bits, weight =
/// d · (s − 32) · (q − 4) with q of 3 bits.
enum Q3_KWeight {
    static let format = WeightFormat(
        "Q3_K", blockWeights: 256, blockBytes: 110, unpack: avk_from_q3_k)
}
