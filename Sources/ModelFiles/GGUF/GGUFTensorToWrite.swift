/// One tensor for `GGUFWriter`.
package struct GGUFTensorToWrite: Sendable {
    /// Passes bytes, in order, to the closure it is given.
    package typealias Content =
        @Sendable (_ append: (UnsafeRawBufferPointer) throws -> Void) throws -> Void

    package let name: String
    package let type: GGMLType
    /// Slowest dimension first
    package let shape: [Int]
    package let byteCount: Int
    let content: Content

    /// A tensor whose bytes are made when it is written, so that only one is in memory.
    ///
    /// - Parameters:
    ///   - shape: slowest dimension first, rows of whole blocks.
    ///   - content: little-endian, as many bytes as the shape takes.
    package init(name: String, type: GGMLType, shape: [Int], content: @escaping Content) {
        precondition(shape.allSatisfy { $0 >= 0 }, "tensor \(name) has the shape \(shape)")
        guard let byteCount = type.byteCount(shape) else {
            preconditionFailure("tensor \(name) of shape \(shape) is no whole blocks of \(type.name)")
        }
        self.name = name
        self.type = type
        self.shape = shape
        self.byteCount = byteCount
        self.content = content
    }

    /// A Float32 tensor: as many values as `shape` says, last dimension fastest.
    package init(name: String, shape: [Int], values: [Float]) {
        self.init(name: name, type: .float32, shape: shape) { append in
            try values.withUnsafeBytes { try append($0) }
        }
        precondition(
            values.count * 4 == byteCount, "tensor \(name) of shape \(shape) is given \(values.count) values")
    }

    /// A tensor as a file has it.
    package init(name: String, type: GGMLType, copying tensor: StoredTensor) {
        precondition(tensor.format == type.name, "tensor \(name) is \(tensor.format), not \(type.name)")
        self.init(name: name, type: type, shape: tensor.shape) { append in
            try append(tensor.bytes)
            tensor.releasePages()
        }
    }
}
