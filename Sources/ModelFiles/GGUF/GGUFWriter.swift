import Foundation
import Messages

/// Writes GGUF files of version 3, little-endian; the format is described at `GGUFHeader`.
package enum GGUFWriter {
    /// Writes the file atomically; the same keys and tensors always give the same bytes.
    ///
    /// Keys and tensors keep their order. Data are aligned to `general.alignment`, which is 32 unless the keys have it.
    /// Throws `ModelFileError` for names that readers refuse, and when writing fails.
    package static func write(
        metadata: [(key: String, value: GGUFValue)], tensors: [GGUFTensorToWrite], to url: URL
    ) throws {
        let alignment = try alignment(metadata, url)
        let header = try header(metadata, tensors, alignment, url)
        try AtomicFile.write(to: url) { append in
            try header.withUnsafeBytes { try append($0) }
            for tensor in tensors {
                var written = 0
                try tensor.content { bytes in
                    written += bytes.count
                    try append(bytes)
                }
                precondition(
                    written == tensor.byteCount,
                    "tensor \(tensor.name) of \(tensor.byteCount) bytes is given \(written)")
                let rest = [UInt8](
                    repeating: 0, count: GGUFHeader.padded(written, alignment) - written)
                try rest.withUnsafeBytes { try append($0) }
            }
        }
    }

    private static func fault(_ url: URL, _ place: String, _ problem: String) -> ModelFileError {
        ModelFileError(
            kind: .unwritable, file: url.path, place: place, problem: problem,
            advice: "llama.cpp would not open such a file")
    }

    private static func alignment(_ metadata: [(key: String, value: GGUFValue)], _ url: URL) throws -> Int {
        guard let value = metadata.first(where: { $0.key == GGUFHeader.alignmentKey })?.value else {
            return GGUFHeader.usualAlignment
        }
        guard case .uint32(let alignment) = value, alignment.nonzeroBitCount == 1 else {
            throw fault(url, "key '\(GGUFHeader.alignmentKey)'", "the value is no power of two of type u32")
        }
        return Int(alignment)
    }

    private static func header(
        _ metadata: [(key: String, value: GGUFValue)], _ tensors: [GGUFTensorToWrite], _ alignment: Int,
        _ url: URL
    ) throws -> [UInt8] {
        var bytes = GGUFHeader.magic
        bytes.append(little: UInt32(3))
        bytes.append(little: Int64(tensors.count))
        bytes.append(little: Int64(metadata.count))
        var keys: Set<ExactName> = []
        for (key, value) in metadata {
            guard (1...GGUFMetadata.longestKey).contains(key.utf8.count) else {
                throw fault(url, "key \(quoted(key))", "the name has \(key.utf8.count) bytes")
            }
            guard keys.insert(ExactName(key)).inserted else {
                throw fault(url, "key \(quoted(key))", "the key is given twice")
            }
            bytes.append(text: key)
            bytes.append(value)
        }
        try check(tensors, url)
        var offset = 0
        for tensor in tensors {
            bytes.append(text: tensor.name)
            bytes.append(little: UInt32(tensor.shape.count))
            for size in tensor.shape.reversed() { bytes.append(little: Int64(size)) }
            bytes.append(little: tensor.type.number)
            bytes.append(little: UInt64(offset))
            offset = GGUFHeader.padded(offset + tensor.byteCount, alignment)
        }
        // Without data there is nothing to align.
        guard !tensors.isEmpty else { return bytes }
        return bytes
            + repeatElement(0, count: GGUFHeader.padded(bytes.count, alignment) - bytes.count)
    }

    private static func check(_ tensors: [GGUFTensorToWrite], _ url: URL) throws {
        var names: Set<ExactName> = []
        for tensor in tensors {
            let place = "tensor \(quoted(tensor.name))"
            guard (1...GGUFHeader.longestName).contains(tensor.name.utf8.count) else {
                throw fault(
                    url, place,
                    "the name has \(tensor.name.utf8.count) bytes, allowed are 1 to \(GGUFHeader.longestName)"
                )
            }
            guard tensor.shape.count <= GGUFHeader.mostDimensions else {
                throw fault(
                    url, place,
                    "it has \(tensor.shape.count) dimensions, the limit is \(GGUFHeader.mostDimensions)")
            }
            guard names.insert(ExactName(tensor.name)).inserted else {
                throw fault(url, place, "the tensor is given twice")
            }
        }
    }
}

extension [UInt8] {
    fileprivate mutating func append(little value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
    }

    fileprivate mutating func append(text: String) {
        append(little: UInt64(text.utf8.count))
        append(contentsOf: text.utf8)
    }

    fileprivate mutating func append(_ value: GGUFValue) {
        if case .array(let array) = value {
            append(little: GGUFType.array.rawValue)
            append(little: array.type.rawValue)
            append(little: UInt64(array.count))
            return append(elements: array)
        }
        let array = value.array
        append(little: array.type.rawValue)
        append(elements: array)
    }

    private mutating func append(each values: [some FixedWidthInteger]) {
        for value in values { append(little: value) }
    }

    private mutating func append(elements array: GGUFArray) {
        switch array {
        case .uint8(let values): append(contentsOf: values)
        case .int8(let values): append(each: values)
        case .uint16(let values): append(each: values)
        case .int16(let values): append(each: values)
        case .uint32(let values): append(each: values)
        case .int32(let values): append(each: values)
        case .uint64(let values): append(each: values)
        case .int64(let values): append(each: values)
        case .float32(let values): append(each: values.map(\.bitPattern))
        case .float64(let values): append(each: values.map(\.bitPattern))
        case .bool(let values): append(contentsOf: values.map { $0 ? 1 : 0 })
        case .string(let values): for text in values { append(text: text) }
        }
    }
}
