/// `general.file_type`: what most of a model's weights are, for people and lists of models; no reader decides by it
/// (`llama_ftype` in include/llama.h).
package enum GGUFFileType {
    package static let key = "general.file_type"
    /// Says by which edition of ggml's blocks a file with quantised weights is packed.
    package static let editionKey = "general.quantization_version"
    package static let edition: UInt32 = 2

    private static let numbers: [String: UInt32] = [
        "F32": 0, "F16": 1, "Q4_0": 2, "Q4_1": 3, "Q8_0": 7, "Q5_0": 8, "Q5_1": 9, "Q2_K": 10, "Q3_K": 11,
        "Q4_K": 14, "Q5_K": 16, "Q6_K": 18, "IQ2_XXS": 19, "IQ2_XS": 20, "IQ3_XXS": 23, "IQ1_S": 24,
        "IQ4_NL": 25, "IQ3_S": 26, "IQ2_S": 28, "IQ4_XS": 30, "IQ1_M": 31, "BF16": 32, "TQ1_0": 36,
        "TQ2_0": 37, "MXFP4": 38,
    ]

    /// The format of most weights of matrices; nil for a model without one.
    package static func main(of tensors: [(format: String, shape: [Int])]) -> String? {
        var weights: [String: Int] = [:]
        for (format, shape) in tensors where shape.count > 1 {
            weights[format, default: 0] += shape.reduce(1, *)
        }
        return weights.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key
    }

    /// nil for a format that has no number of its own.
    package static func number(_ format: String) -> UInt32? { numbers[format] }
}
