import CVectorKernels

/// ggml's Q5_0: 32 weights of a row are a half-precision scale d and 32 numbers q of 5 bits, weight = d · (q − 16).
enum Q5_0Weight {
    static let format = WeightFormat(
        "Q5_0", blockWeights: 32, blockBytes: 22, unpack: avk_from_q5_0, pack: avk_to_q5_0)
}
