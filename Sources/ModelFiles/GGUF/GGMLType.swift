/// Formats of tensors, by their numbers in a GGUF file (`ggml_type` in ggml.h); which of them weights can be kept in is
/// not known here.
///
/// Rows are blocks of `blockWeights` weights in `blockBytes` bytes.
package struct GGMLType: Sendable, Equatable {
    package let number: UInt32
    /// As ggml's Python package has it: `F32`, `Q4_K`, `IQ4_XS`
    package let name: String
    package let blockWeights: Int
    package let blockBytes: Int

    private init(_ number: UInt32, _ name: String, _ blockWeights: Int, _ blockBytes: Int) {
        self.number = number
        self.name = name
        self.blockWeights = blockWeights
        self.blockBytes = blockBytes
    }

    package static let float32 = GGMLType(0, "F32", 1, 4)

    static let all = [
        float32, GGMLType(1, "F16", 1, 2), GGMLType(2, "Q4_0", 32, 18), GGMLType(3, "Q4_1", 32, 20),
        GGMLType(6, "Q5_0", 32, 22), GGMLType(7, "Q5_1", 32, 24), GGMLType(8, "Q8_0", 32, 34),
        GGMLType(9, "Q8_1", 32, 40), GGMLType(10, "Q2_K", 256, 84), GGMLType(11, "Q3_K", 256, 110),
        GGMLType(12, "Q4_K", 256, 144), GGMLType(13, "Q5_K", 256, 176), GGMLType(14, "Q6_K", 256, 210),
        GGMLType(15, "Q8_K", 256, 292), GGMLType(16, "IQ2_XXS", 256, 66), GGMLType(17, "IQ2_XS", 256, 74),
        GGMLType(18, "IQ3_XXS", 256, 98), GGMLType(19, "IQ1_S", 256, 50), GGMLType(20, "IQ4_NL", 32, 18),
        GGMLType(21, "IQ3_S", 256, 110), GGMLType(22, "IQ2_S", 256, 82), GGMLType(23, "IQ4_XS", 256, 136),
        GGMLType(24, "I8", 1, 1), GGMLType(25, "I16", 1, 2), GGMLType(26, "I32", 1, 4),
        GGMLType(27, "I64", 1, 8), GGMLType(28, "F64", 1, 8), GGMLType(29, "IQ1_M", 256, 56),
        GGMLType(30, "BF16", 1, 2), GGMLType(34, "TQ1_0", 256, 54), GGMLType(35, "TQ2_0", 256, 66),
        GGMLType(39, "MXFP4", 32, 17), GGMLType(40, "NVFP4", 64, 36), GGMLType(41, "Q1_0", 128, 18),
        GGMLType(42, "Q2_0", 64, 18),
    ]

    /// Formats that ggml once had: their bytes mean nothing to it any more.
    private static let removed: [UInt32: String] = [
        4: "Q4_2", 5: "Q4_3", 31: "Q4_0_4_4", 32: "Q4_0_4_8", 33: "Q4_0_8_8", 36: "IQ4_NL_4_4",
        37: "IQ4_NL_4_8", 38: "IQ4_NL_8_8",
    ]

    private static let byNumber = Dictionary(uniqueKeysWithValues: all.map { ($0.number, $0) })

    /// nil for a number that none has, or none any more.
    init?(number: UInt32) {
        guard let type = Self.byNumber[number] else { return nil }
        self = type
    }

    /// nil for a name that none has.
    package static func named(_ name: String) -> GGMLType? { all.first { $0.name == name } }

    static func removedName(_ number: UInt32) -> String? { removed[number] }

    /// Bytes of a tensor; nil when its rows are no whole blocks, or for more than 63 bits can count.
    ///
    /// - Parameter shape: slowest dimension first, sizes of at least 0.
    package func byteCount(_ shape: [Int]) -> Int? {
        let columns = shape.last ?? 1
        guard columns.isMultiple(of: blockWeights) else { return nil }
        return ([columns / blockWeights] + shape.dropLast()).reduce(blockBytes) { product, size in
            guard let product else { return nil }
            let next = product.multipliedReportingOverflow(by: size)
            return next.overflow ? nil : next.partialValue
        }
    }
}
