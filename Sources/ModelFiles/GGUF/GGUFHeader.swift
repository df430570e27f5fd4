import Messages

/// The checked header of one GGUF file of version 2 or 3.
///
/// Format, little-endian: `GGUF`, u32 version, i64 number of tensors, i64 number of keys; each key with its value; for each
/// tensor name, u32 number of dimensions, their i64 sizes, fastest first, i32 format, u64 offset into the data, which
/// begins at the next multiple of `general.alignment`. Source: ggml/include/gguf.h and `gguf_init_from_reader` in
/// ggml/src/gguf.cpp of llama.cpp, whose limits hold here too.
struct GGUFHeader {
    struct Entry {
        let info: GGUFTensorInfo
        /// First and end byte in the file
        let range: Range<Int>
    }

    let file: FileMapping
    let metadata: GGUFMetadata
    /// In the order of the data
    let entries: [Entry]

    static let magic = Array("GGUF".utf8)
    static let alignmentKey = "general.alignment"
    static let usualAlignment = 32
    /// Bytes of a tensor's name, one less than ggml's buffer has
    static let longestName = 63
    static let mostDimensions = 4
    /// Length of a name, number of dimensions, format, offset
    private static let leastTensorBytes = 24

    init(_ file: FileMapping) throws {
        var cursor = GGUFCursor(file)
        let counts = try Self.counts(&cursor)
        metadata = try GGUFMetadata(&cursor, count: counts.keys)
        let alignment = try Self.alignment(metadata)
        var parsed: [(info: GGUFTensorInfo, offset: UInt64)] = []
        var names: Set<ExactName> = []
        for index in 0..<counts.tensors {
            let tensor = try Self.tensor(&cursor, "tensor \(index + 1) of \(counts.tensors)")
            guard names.insert(ExactName(tensor.info.name)).inserted else {
                throw cursor.fault("tensor \(quoted(tensor.info.name))", "the tensor is given twice")
            }
            parsed.append(tensor)
        }
        entries = try Self.placed(parsed, alignment, cursor)
        self.file = file
    }

    private static func counts(_ cursor: inout GGUFCursor) throws -> (tensors: Int, keys: Int) {
        let bytes = cursor.file.bytes
        guard bytes.starts(with: magic) else { throw otherFormat(cursor) }
        _ = try cursor.integer(UInt32.self, "magic")
        let version = try cursor.integer(UInt32.self, "version")
        // As in llama.cpp: a small number whose bytes are in the other order.
        if version & 0xFFFF == 0 {
            throw cursor.fault(
                "version", "the file is big-endian", "convert it with gguf_convert_endian.py of llama.cpp")
        }
        guard version == 2 || version == 3 else {
            throw cursor.fault(
                "version", "the file has version \(version) of GGUF, known are 2 and 3",
                "convert the model anew with a llama.cpp of today")
        }
        let tensors = try count(&cursor, "number of tensors", least: leastTensorBytes)
        return (tensors, try count(&cursor, "number of keys", least: GGUFMetadata.leastBytes))
    }

    /// A number of things that take so many bytes each at least.
    private static func count(_ cursor: inout GGUFCursor, _ place: String, least: Int) throws -> Int {
        let count = try cursor.integer(Int64.self, place)
        guard count >= 0, count <= cursor.remaining / least else {
            throw cursor.fault(
                place, "\(count) of them do not fit in the \(cursor.remaining) bytes that follow")
        }
        return Int(count)
    }

    private static func alignment(_ metadata: GGUFMetadata) throws -> Int {
        guard let value = try metadata.value(alignmentKey) else { return usualAlignment }
        guard case .uint32(let alignment) = value else {
            throw metadata.fault(alignmentKey, "the value is not of type u32", advice: GGUFCursor.rewrite)
        }
        guard alignment.nonzeroBitCount == 1 else {
            throw metadata.fault(
                alignmentKey, "the alignment \(alignment) is no power of two", advice: GGUFCursor.rewrite)
        }
        return Int(alignment)
    }

    private static func tensor(
        _ cursor: inout GGUFCursor, _ ordinal: String
    ) throws -> (info: GGUFTensorInfo, offset: UInt64) {
        let name = try cursor.name(ordinal)
        guard !name.isEmpty, name.utf8.count <= longestName else {
            throw cursor.fault(
                ordinal, "its name has \(name.utf8.count) bytes, allowed are 1 to \(longestName)")
        }
        let place = "tensor \(quoted(name))"
        let shape = try shape(&cursor, place)
        let type = try format(&cursor, place)
        let columns = shape.last ?? 1
        guard columns.isMultiple(of: type.blockWeights) else {
            throw cursor.fault(
                place,
                "its rows of \(columns) weights are no whole blocks of \(type.name), which hold \(type.blockWeights)"
            )
        }
        guard let count = elementCount(shape), let byteCount = type.byteCount(shape) else {
            throw cursor.fault(
                place, "the shape \(shape) of \(type.name) has more bytes than 64 bits can count")
        }
        let offset = try cursor.integer(UInt64.self, place)
        let fileName = String(cursor.file.path.split(separator: "/").last ?? "")
        return (
            GGUFTensorInfo(
                name: name, type: type, shape: shape, elementCount: count, byteCount: byteCount,
                fileName: fileName), offset
        )
    }

    /// Slowest dimension first.
    private static func shape(_ cursor: inout GGUFCursor, _ place: String) throws -> [Int] {
        let dimensions = try cursor.integer(UInt32.self, place)
        guard dimensions <= mostDimensions else {
            throw cursor.fault(place, "it has \(dimensions) dimensions, the limit is \(mostDimensions)")
        }
        var shape: [Int] = []
        for _ in 0..<dimensions {
            let size = try cursor.integer(Int64.self, place)
            guard size >= 0 else { throw cursor.fault(place, "a dimension has the size \(size)") }
            shape.insert(Int(size), at: 0)
        }
        return shape
    }

    /// nil for more than 63 bits can count.
    private static func elementCount(_ shape: [Int]) -> Int? {
        var count = 1
        for size in shape {
            let product = count.multipliedReportingOverflow(by: size)
            guard !product.overflow else { return nil }
            count = product.partialValue
        }
        return count
    }

    private static func format(_ cursor: inout GGUFCursor, _ place: String) throws -> GGMLType {
        let number = try cursor.integer(UInt32.self, place)
        if let type = GGMLType(number: number) { return type }
        if let name = GGMLType.removedName(number) {
            throw cursor.fault(
                place, "it is in \(name), a format that llama.cpp no longer has", "quantise the model anew")
        }
        throw cursor.fault(
            place, "it is in the format \(number), which is not known",
            "take the model in another format, such as Q8_0 or Q4_K_M")
    }

    /// The place of each tensor. As in llama.cpp each begins where the one before it ends, at the next multiple of the
    /// alignment.
    private static func placed(
        _ tensors: [(info: GGUFTensorInfo, offset: UInt64)], _ alignment: Int, _ cursor: GGUFCursor
    ) throws -> [Entry] {
        let size = cursor.file.bytes.count
        let start = padded(cursor.offset, alignment)
        var entries: [Entry] = []
        var expected = 0
        for (info, offset) in tensors {
            let place = "tensor \(quoted(info.name))"
            guard offset == UInt64(expected) else {
                let what =
                    offset.isMultiple(of: UInt64(alignment)) ? "" : ", which is no multiple of \(alignment)"
                throw cursor.fault(
                    place,
                    "its data begins at byte \(offset)\(what); that of the tensors before ends at \(expected)"
                )
            }
            guard start + expected <= size, info.byteCount <= size - start - expected else {
                throw cursor.fault(
                    place,
                    "its \(info.byteCount) bytes begin at byte \(start + expected), but the file has \(size) bytes",
                    "the file is not complete: download it again")
            }
            entries.append(
                Entry(info: info, range: start + expected..<start + expected + info.byteCount))
            expected = padded(expected + info.byteCount, alignment)
        }
        guard size <= start + expected else {
            throw cursor.fault(nil, "\(size - start - expected) bytes follow the last tensor")
        }
        return entries
    }

    /// - Parameters:
    ///   - count: below 2^62, as sizes of files are.
    ///   - alignment: a power of two below 2^32.
    static func padded(_ count: Int, _ alignment: Int) -> Int { (count + alignment - 1) & ~(alignment - 1) }

    /// Recognizes what people mistake for GGUF files.
    private static func otherFormat(_ cursor: GGUFCursor) -> ModelFileError {
        let bytes = cursor.file.bytes
        func begins(_ text: String) -> Bool { bytes.starts(with: text.utf8) }
        if begins("version https://git-lfs") {
            return cursor.fault(
                nil, "this is a Git LFS pointer, not the file itself", "run git lfs pull in its repository")
        }
        if PickledWeights.begin(bytes) {
            return cursor.fault(
                nil, "this is a PyTorch pickle, not a GGUF file", "use the model's GGUF or safetensors files")
        }
        if ["lmgg", "tjgg", "fmgg", "algg"].contains(where: begins) {
            return cursor.fault(
                nil, "this is a GGML file, as llama.cpp wrote before August 2023", "take the model as GGUF")
        }
        if bytes.count > 8, bytes[8] == UInt8(ascii: "{") {
            return cursor.fault(nil, "this is a safetensors file", "give the folder that holds it")
        }
        return cursor.fault(
            nil, "the file does not begin with GGUF", "check that this is a GGUF file, and whole")
    }
}

/// What a header says about one tensor.
package struct GGUFTensorInfo: Sendable, Equatable {
    package let name: String
    package let type: GGMLType
    /// Sizes of the dimensions, slowest first, other than in the file; empty for a scalar. A size may be 0.
    package let shape: [Int]
    /// The product of `shape`
    package let elementCount: Int
    package let byteCount: Int
    /// The name, without folder, of the file that holds the tensor
    package let fileName: String
}
