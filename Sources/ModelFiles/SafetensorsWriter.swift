import Foundation
import Messages

/// One tensor for `SafetensorsWriter`.
package struct TensorToWrite: Sendable {
    enum Content: Sendable {
        case floats([Float])
        case bytes([UInt8])
        case pieces(Pieces)
    }

    /// Passes bytes, in order, to the closure it is given.
    package typealias Pieces =
        @Sendable (_ append: (UnsafeRawBufferPointer) throws -> Void) throws -> Void

    package let name: String
    package let elementType: ElementType
    package let shape: [Int]
    package let byteCount: Int
    let content: Content

    /// A Float32 tensor: as many values as `shape` says, last dimension fastest.
    package init(name: String, shape: [Int], values: [Float]) {
        precondition(
            values.count == Self.elementCount(name, shape),
            "tensor \(name) of shape \(shape) is given \(values.count) values")
        self.name = name
        elementType = .float32
        self.shape = shape
        byteCount = values.count * MemoryLayout<Float>.size
        content = .floats(values)
    }

    /// A tensor of any type from its little-endian bytes.
    package init(name: String, elementType: ElementType, shape: [Int], bytes: [UInt8]) {
        precondition(
            bytes.count == Self.elementCount(name, shape) * elementType.byteCount,
            "tensor \(name) of shape \(shape) and type \(elementType.rawValue) is given \(bytes.count) bytes")
        self.name = name
        self.elementType = elementType
        self.shape = shape
        byteCount = bytes.count
        content = .bytes(bytes)
    }

    /// A tensor of any type whose bytes stay where they are until it is written.
    ///
    /// - Parameter pieces: little-endian, as many bytes as the shape takes.
    package init(name: String, elementType: ElementType, shape: [Int], pieces: @escaping Pieces) {
        byteCount = Self.elementCount(name, shape) * elementType.byteCount
        self.name = name
        self.elementType = elementType
        self.shape = shape
        content = .pieces(pieces)
    }

    /// A tensor as a safetensors file has it.
    package init(copying tensor: StoredTensor) {
        guard let type = ElementType(rawValue: tensor.format) else {
            preconditionFailure("\(tensor.name) is \(tensor.format), which safetensors files do not have")
        }
        self.init(name: tensor.name, elementType: type, shape: tensor.shape) { append in
            try append(tensor.bytes)
            tensor.releasePages()
        }
    }

    private static func elementCount(_ name: String, _ shape: [Int]) -> Int {
        precondition(shape.allSatisfy { $0 >= 0 }, "tensor \(name) has the shape \(shape)")
        return shape.reduce(1, *)
    }

    /// Its values; nil for one that is given as bytes.
    package var floats: [Float]? {
        if case .floats(let values) = content { values } else { nil }
    }

    func withBytes(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        switch content {
        case .floats(let values): try values.withUnsafeBytes(body)
        case .bytes(let bytes): try bytes.withUnsafeBytes(body)
        case .pieces(let pieces):
            var count = 0
            try pieces {
                count += $0.count
                try body($0)
            }
            precondition(count == byteCount, "tensor \(name) of \(byteCount) bytes is given \(count)")
        }
    }
}

/// Writes safetensors files that are byte for byte those of the reference implementation.
package enum SafetensorsWriter {
    /// Writes the file atomically; the same tensors and metadata always give the same bytes.
    ///
    /// As in the reference, tensors are sorted by descending element type, so that each is aligned to its
    /// element size, then by name, and the header is padded with spaces to a multiple of 8. Metadata keys are
    /// sorted. Throws `ModelFileError` for a name that occurs twice or is reserved, and when writing fails.
    package static func write(_ tensors: [TensorToWrite], metadata: [String: String], to url: URL) throws {
        let sorted = tensors.sorted {
            ($1.elementType.rank, ExactName($0.name)) < ($0.elementType.rank, ExactName($1.name))
        }
        let header = try header(sorted, metadata, url)
        try AtomicFile.write(to: url) { append in
            try header.withUnsafeBytes { try append($0) }
            for tensor in sorted { try tensor.withBytes(append) }
        }
    }

    private static func header(
        _ tensors: [TensorToWrite], _ metadata: [String: String], _ url: URL
    ) throws -> [UInt8] {
        var root = JSONObject()
        if !metadata.isEmpty {
            var entries = JSONObject()
            for (key, value) in metadata.sorted(by: { ExactName($0.key) < ExactName($1.key) }) {
                entries.append(key, .string(value))
            }
            root.append("__metadata__", .object(entries))
        }
        var offset = 0
        for tensor in tensors {
            let end = offset + tensor.byteCount
            let entry: JSONObject = [
                "dtype": .string(tensor.elementType.rawValue),
                "shape": .array(tensor.shape.map { JSONValue($0) }),
                "data_offsets": .array([JSONValue(offset), JSONValue(end)]),
            ]
            guard tensor.name != "__metadata__", root.append(tensor.name, .object(entry)) else {
                let problem =
                    tensor.name == "__metadata__" ? "the name is reserved" : "the name is given twice"
                throw ModelFileError(
                    kind: .unwritable, file: url.path, place: "tensor \(quoted(tensor.name))",
                    problem: problem, advice: "rename the tensor")
            }
            offset = end
        }
        var json = JSONValue.object(root).bytes()
        json += repeatElement(UInt8(ascii: " "), count: (8 - json.count % 8) % 8)
        guard json.count <= SafetensorsHeader.lengthLimit else {
            throw ModelFileError(
                kind: .unwritable, file: url.path,
                problem:
                    "the header takes \(json.count) bytes, the limit is \(SafetensorsHeader.lengthLimit)",
                advice: "write fewer tensors to a file")
        }
        return withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) } + json
    }
}
