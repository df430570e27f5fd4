extension WeightFormat {
    /// All that weights can be kept in; other element types become Float32.
    package static let all = [
        Float32Weight.format, BFloat16Weight.format, Float16Weight.format, Q8_0Weight.format,
        Q4_0Weight.format,
        Q4_1Weight.format, Q5_0Weight.format, Q5_1Weight.format, Q2_KWeight.format, Q3_KWeight.format,
        Q4_KWeight.format, Q5_KWeight.format, Q6_KWeight.format, IQ4_NLWeight.format, IQ4_XSWeight.format,
        MXFP4Weight.format,
    ]

    /// nil for a name that is none of a format here.
    package static func named(_ name: String) -> WeightFormat? { all.first { $0.name == name } }
}
