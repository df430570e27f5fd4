import CVectorKernels

/// ggml's IQ4_XS: 256 weights of a row are a half-precision scale d and 8 groups with a scale s of 6 bits, weight =
/// d · (s − 32) · v with v as in IQ4_NL.
enum IQ4_XSWeight {
    static let format = WeightFormat(
        "IQ4_XS", blockWeights: 256, blockBytes: 136, unpack: avk_from_iq4_xs)
}
