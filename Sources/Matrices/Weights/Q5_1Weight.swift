import CVectorKernels

/// ggml's Q5_1: 32 weights of a row are a half-precision scale d and minimum m and 32 numbers q of 5 bits, weight =
/// d · q + m.
enum Q5_1Weight {
    static let format = WeightFormat(
        "Q5_1", blockWeights: 32, blockBytes: 24, unpack: avk_from_q5_1, pack: avk_to_q5_1)
}
