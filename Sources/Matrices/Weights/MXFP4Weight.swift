import CVectorKernels

/// ggml's MXFP4: 32 weights of a row are an exponent e of one byte and 32 numbers v of sign, two bits of exponent
/// and one of mantissa, weight = 2^(e − 127) · v. The exponent 255 is NaN, as in the Open Compute Project's
/// description of the format; ggml takes it for a number, and never writes it.
enum MXFP4Weight {
    static let format = WeightFormat(
        "MXFP4", blockWeights: 32, blockBytes: 17, unpack: avk_from_mxfp4)
}
