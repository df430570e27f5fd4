import Matrices
import ModelFiles

/// A matrix that was packed, and the tensors that hold it in a safetensors file: the bytes that products read are those that
/// are written.
struct PackedMatrix: Sendable {
    /// One of the tensors
    struct Part: Sendable {
        /// What its name has behind that of the matrix: `.absmax`; nothing where it is the matrix itself.
        let ending: String
        let elementType: ElementType
        let shape: [Int]
        let bytes: WeightBytes

        init(_ ending: String, _ elementType: ElementType, shape: [Int], _ bytes: WeightBytes) {
            precondition(
                bytes.count == shape.reduce(elementType.byteCount, *),
                "\(bytes.count) bytes of shape \(shape)")
            (self.ending, self.elementType, self.shape, self.bytes) = (ending, elementType, shape, bytes)
        }

        func tensor(of matrix: String) -> TensorToWrite {
            TensorToWrite(name: matrix + ending, elementType: elementType, shape: shape) { append in
                try append(bytes.raw)
            }
        }
    }

    let matrix: any FrozenMatrix
    let parts: [Part]

    var byteCount: Int { parts.reduce(0) { $0 + $1.bytes.count } }

    /// In the first of these formats whose blocks fill the rows; nil where none does. Blocks are bytes to safetensors files, one
    /// row of them for each of the matrix.
    static func blocks(_ values: Matrix, _ formats: [WeightFormat]) -> PackedMatrix? {
        let (rows, columns) = (values.rows, values.columns)
        guard let format = formats.first(where: { columns.isMultiple(of: $0.blockWeights) }),
            let pack = format.pack, let count = format.byteCount(rows: rows, columns: columns)
        else { return nil }
        var packed = [UInt8](repeating: 0, count: count)
        packed.withUnsafeMutableBytes { out in
            if let base = out.baseAddress { pack(values.pointer, rows, columns, base) }
        }
        let bytes = WeightBytes(copying: packed)
        let part =
            ElementType(rawValue: format.name).map { Part("", $0, shape: [rows, columns], bytes) }
            ?? Part("", .uint8, shape: [rows, count / max(rows, 1)], bytes)
        return PackedMatrix(
            matrix: format.open(rows: rows, columns: columns, bytes), parts: [part])
    }
}
