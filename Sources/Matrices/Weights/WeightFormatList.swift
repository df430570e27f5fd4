extension WeightFormat {
    /// All that weights can be kept in; other element types become Float32.
    package static let all = [
        Float32Weight.format, BFloat16Weight.format, Float16Weight.format, Q8_0Weight.format,
    ]

    /// nil for a name that is none of a format here.
    package static func named(_ name: String) -> WeightFormat? { all.first { $0.name == name } }
}
