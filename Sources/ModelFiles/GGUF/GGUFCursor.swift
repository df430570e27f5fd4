import Messages

/// Goes through the header of a GGUF file and never past its end.
struct GGUFCursor {
    static let rewrite = "the file is damaged or badly written: download it again or convert the model anew"
    /// Bytes of a string and elements of an array: the limit of llama.cpp
    private static let longest = 1 << 30

    let file: FileMapping
    private(set) var offset = 0

    init(_ file: FileMapping) { self.file = file }

    var remaining: Int { file.bytes.count - offset }

    func fault(_ place: String? = nil, _ problem: String, _ advice: String = Self.rewrite) -> ModelFileError {
        ModelFileError(file: file.path, place: place, problem: problem, advice: advice)
    }

    /// - Parameter what: where it stands, for example `key 3 of 9`.
    mutating func integer<Value: FixedWidthInteger & BitwiseCopyable>(
        _ type: Value.Type = Value.self, _ what: String
    ) throws -> Value {
        let size = MemoryLayout<Value>.size
        guard remaining >= size else { throw ends(what) }
        defer { offset += size }
        return Value(littleEndian: file.bytes.loadUnaligned(fromByteOffset: offset, as: Value.self))
    }

    /// The place of a string's bytes, behind its length.
    mutating func stringRange(_ what: String) throws -> Range<Int> {
        let length = try integer(UInt64.self, what)
        guard length <= Self.longest else {
            throw fault(what, "a string of \(length) bytes, the limit is \(Self.longest)")
        }
        guard length <= remaining else {
            throw fault(what, "a string of \(length) bytes, but \(remaining) follow")
        }
        return skipped(Int(length))
    }

    /// A string that must be UTF-8.
    mutating func name(_ what: String) throws -> String {
        let range = try stringRange(what)
        guard let text = String(validating: file.bytes[range], as: UTF8.self) else {
            throw fault(what, "its name is not valid UTF-8")
        }
        return text
    }

    /// The place of `count` values of a type.
    mutating func values(_ type: GGUFType, count: UInt64, _ what: String) throws -> Range<Int> {
        guard count <= Self.longest else {
            throw fault(what, "an array of \(count) values, the limit is \(Self.longest)")
        }
        let least = type.byteCount ?? 8
        guard Int(count) * least <= remaining else {
            throw fault(
                what,
                "\(count) values of type \(type.name) need \(Int(count) * least) bytes, but \(remaining) follow"
            )
        }
        if type.byteCount != nil { return skipped(Int(count) * least) }
        let start = offset
        for _ in 0..<count { _ = try stringRange(what) }
        return start..<offset
    }

    private mutating func skipped(_ count: Int) -> Range<Int> {
        let start = offset
        offset += count
        return start..<offset
    }

    private func ends(_ what: String) -> ModelFileError {
        fault(what, "the file ends at byte \(file.bytes.count), within its header", "download the file again")
    }
}
