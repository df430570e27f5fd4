/// The number formats of a safetensors file, named as in its header.
///
/// The order of the cases is that of the reference implementation (safetensors 0.8, `Dtype`): its writer puts
/// later ones first, which also puts larger alignments first. The formats of 4 and 6 bits are left out, since
/// their elements have no byte of their own.
package enum ElementType: String, Sendable, CaseIterable {
    case bool = "BOOL"
    case uint8 = "U8"
    case int8 = "I8"
    case float8E5M2 = "F8_E5M2"
    case float8E4M3 = "F8_E4M3"
    case float8E8M0 = "F8_E8M0"
    case int16 = "I16"
    case uint16 = "U16"
    case float16 = "F16"
    case bfloat16 = "BF16"
    case int32 = "I32"
    case uint32 = "U32"
    case float32 = "F32"
    case complex64 = "C64"
    case float64 = "F64"
    case int64 = "I64"
    case uint64 = "U64"

    /// Bytes of one element.
    package var byteCount: Int {
        switch self {
        case .bool, .uint8, .int8, .float8E5M2, .float8E4M3, .float8E8M0: 1
        case .int16, .uint16, .float16, .bfloat16: 2
        case .int32, .uint32, .float32: 4
        case .complex64, .float64, .int64, .uint64: 8
        }
    }

    /// The place in the order of the cases.
    var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// What a header says about one tensor.
package struct TensorInfo: Sendable, Equatable {
    package let name: String
    package let elementType: ElementType
    /// Sizes of the dimensions, slowest first; empty for a scalar. A size may be 0.
    package let shape: [Int]
    /// The product of `shape`.
    package let elementCount: Int
    /// The name, without folder, of the file that holds the tensor.
    package let fileName: String

    package var byteCount: Int { elementCount * elementType.byteCount }
}
