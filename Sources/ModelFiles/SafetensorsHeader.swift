import Messages

/// The checked header of one safetensors file.
///
/// Format: 8 bytes with the header's length N (little-endian), N bytes of JSON that begin with `{` and may
/// end in spaces, then the data. Per tensor the header gives dtype, shape, and the first and end byte within
/// the data. Source: https://github.com/huggingface/safetensors, "Format", and its `Metadata::validate`.
struct SafetensorsHeader {
    struct Entry {
        let info: TensorInfo
        /// First and end byte in the file.
        let range: Range<Int>
    }

    /// In the order of the data.
    let entries: [Entry]
    let metadata: [String: String]

    /// The limit of the reference implementation.
    static let lengthLimit = 100_000_000
    /// As many as NumPy's arrays may have.
    private static let mostDimensions = 64

    private static let download = "download the file again"
    private static let rewrite = "the file is damaged or badly written: download it again or write it anew"

    /// Checks everything, so that every range lies within the file, in order, without overlap, hole or rest.
    init(_ file: FileMapping) throws {
        let bytes = file.bytes
        func fault(_ place: String? = nil, _ problem: String, _ advice: String = Self.rewrite)
            -> ModelFileError
        {
            ModelFileError(file: file.path, place: place, problem: problem, advice: advice)
        }
        if let other = Self.otherFormat(bytes, path: file.path) {
            throw fault(nil, other.problem, other.advice)
        }
        guard bytes.count >= 8 else {
            throw fault(
                nil, "the file has \(bytes.count) bytes, a safetensors file at least 8", Self.download)
        }
        let length = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
        guard length <= UInt64(Self.lengthLimit) else {
            throw fault(
                nil, "the header's length is \(length) bytes, the limit is \(Self.lengthLimit)",
                "check that this is a safetensors file")
        }
        guard length <= UInt64(bytes.count - 8) else {
            throw fault(
                nil, "the header's length is \(length) bytes, but \(bytes.count - 8) follow", Self.download)
        }
        let dataStart = 8 + Int(length)
        let header = UnsafeRawBufferPointer(rebasing: bytes[8..<dataStart])
        guard header.first == UInt8(ascii: "{") else {
            throw fault(nil, "the header does not begin with '{'")
        }
        let root: JSONValue
        do {
            root = try JSONValue.parse(header)
        } catch let error as JSONError {
            throw fault("header byte \(error.offset)", error.problem)
        }
        let data = dataStart..<bytes.count
        var entries: [Entry] = []
        var metadata: [String: String] = [:]
        for (name, value) in root.object?.members ?? [] {
            if name == "__metadata__" {
                metadata = try Self.metadata(value) { fault($0, $1) }
            } else {
                let fileName = String(file.path.split(separator: "/").last ?? "")
                entries.append(
                    try Self.entry(name, value, fileName, data) { fault("tensor \(quoted(name))", $0) })
            }
        }
        try Self.sortAndCheckOrder(&entries, data) { fault($0, $1) }
        self.entries = entries
        self.metadata = metadata
    }

    private static func metadata(
        _ value: JSONValue, _ fault: (String, String) -> ModelFileError
    ) throws -> [String: String] {
        guard let object = value.object else {
            throw fault("__metadata__", "this is \(value.summary), not an object of strings")
        }
        var metadata: [String: String] = [:]
        for (key, value) in object.members {
            guard let text = value.string else {
                throw fault("__metadata__", "the value of \(quoted(key)) is \(value.summary), not a string")
            }
            // Swift's dictionary takes two spellings of one accented key for the same.
            guard metadata.updateValue(text, forKey: key) == nil else {
                throw fault("__metadata__", "the key \(quoted(key)) is given twice")
            }
        }
        return metadata
    }

    private static func entry(
        _ name: String, _ value: JSONValue, _ fileName: String, _ data: Range<Int>,
        _ fault: (String) -> ModelFileError
    ) throws -> Entry {
        guard let object = value.object else { throw fault("this is \(value.summary), not an object") }
        let known = ["dtype", "shape", "data_offsets"]
        for key in known where object[key] == nil { throw fault("'\(key)' is missing") }
        for key in object.keys where !known.contains(key) { throw fault("unknown field \(quoted(key))") }
        guard let typeName = object["dtype"]?.string else { throw fault("'dtype' is not a string") }
        guard let type = ElementType(rawValue: typeName) else {
            throw fault("unknown dtype \(quoted(typeName)), not one of \(ElementType.allNames)")
        }
        let shape = try integers("shape", object["shape"], fault)
        guard shape.count <= mostDimensions else {
            throw fault("'shape' has \(shape.count) sizes, the limit is \(mostDimensions)")
        }
        let offsets = try integers("data_offsets", object["data_offsets"], fault)
        guard offsets.count == 2 else { throw fault("'data_offsets' has \(offsets.count) numbers, not 2") }
        let (begin, end) = (offsets[0], offsets[1])
        guard begin <= end else { throw fault("the data begins at byte \(begin) and ends before, at \(end)") }
        guard end <= data.count else {
            throw fault("the data ends at byte \(end), but the file holds \(data.count) bytes of data")
        }
        var count = 1
        var byteCount = type.byteCount
        for size in shape {
            let product = count.multipliedReportingOverflow(by: size)
            let bytes = byteCount.multipliedReportingOverflow(by: size)
            guard !product.overflow, !bytes.overflow else {
                throw fault("the shape \(shape) of \(typeName) has more bytes than 64 bits can count")
            }
            (count, byteCount) = (product.partialValue, bytes.partialValue)
        }
        guard byteCount == end - begin else {
            throw fault(
                "the shape \(shape) of \(typeName) takes \(byteCount) bytes, the data has \(end - begin)")
        }
        return Entry(
            info: TensorInfo(
                name: name, elementType: type, shape: shape, elementCount: count, fileName: fileName),
            range: data.lowerBound + begin..<data.lowerBound + end)
    }

    private static func integers(
        _ key: String, _ value: JSONValue?, _ fault: (String) -> ModelFileError
    ) throws -> [Int] {
        guard let array = value?.array else { throw fault("'\(key)' is not an array") }
        return try array.map { element in
            guard let integer = element.int, integer >= 0 else {
                throw fault("'\(key)' has \(element.summary), not an integer of at least 0")
            }
            return integer
        }
    }

    private static func sortAndCheckOrder(
        _ entries: inout [Entry], _ data: Range<Int>, _ fault: (String?, String) -> ModelFileError
    ) throws {
        entries.sort {
            ($0.range.lowerBound, $0.range.upperBound, ExactName($0.info.name))
                < ($1.range.lowerBound, $1.range.upperBound, ExactName($1.info.name))
        }
        let start = data.lowerBound
        var end = start
        var previous = "the start of the data"
        for entry in entries {
            let begin = entry.range.lowerBound
            let place = "tensor \(quoted(entry.info.name))"
            guard begin >= end else {
                throw fault(
                    place, "begins at byte \(begin - start), but \(previous) ends only at \(end - start)")
            }
            guard begin == end else {
                throw fault(
                    place,
                    "begins at byte \(begin - start), leaving a hole after \(previous) at \(end - start)")
            }
            end = entry.range.upperBound
            previous = place
        }
        guard end == data.upperBound else {
            throw fault(
                nil,
                "\(data.upperBound - end) bytes follow the last tensor, which ends at byte \(end - start)")
        }
    }

    /// Recognizes what people mistake for safetensors files. The first bytes of a real one are a length, so
    /// each magic number here would mean a header beyond any file, or comes with a byte 8 other than `{`.
    private static func otherFormat(_ bytes: UnsafeRawBufferPointer, path: String) -> (
        problem: String, advice: String
    )? {
        if bytes.count > 8, bytes[8] == UInt8(ascii: "{") { return nil }
        func begins(_ magic: [UInt8]) -> Bool { bytes.starts(with: magic) }
        if PickledWeights.begin(bytes) {
            return (PickledWeights.problem, PickledWeights.conversion(of: path, to: path))
        }
        if begins([0x89, 0x48, 0x44, 0x46]) {
            return ("this is an HDF5 file, as TensorFlow writes", "use the model's safetensors files")
        }
        if begins(Array("version https://git-lfs".utf8)) {
            return ("this is a Git LFS pointer, not the file itself", "run git lfs pull in its repository")
        }
        if begins(Array("GGUF".utf8)) {
            return ("this is a GGUF file", "use the model's safetensors files")
        }
        return nil
    }
}

extension ElementType {
    static var allNames: String { allCases.map(\.rawValue).joined(separator: ", ") }
}
