import Foundation

/// What the first bytes of a text file say of its encoding.
package enum TextMarks {
    /// U+FEFF in UTF-8, which some editors and Excel put before a text. It says nothing, so readers step over it.
    package static let utf8: [UInt8] = [0xEF, 0xBB, 0xBF]

    /// Bytes of the marks at the start; programs that put files together may leave several.
    package static func length<Bytes: Collection>(at bytes: Bytes) -> Int where Bytes.Element == UInt8 {
        var rest = bytes[...]
        var length = 0
        while rest.starts(with: utf8) {
            rest = rest.dropFirst(utf8.count)
            length += utf8.count
        }
        return length
    }

    /// The encoding that the text has in place of UTF-8, as `iconv` calls it: by its mark, or by zeros in every second of
    /// its first bytes. nil where nothing shows one.
    package static func otherEncoding<Bytes: Collection>(of bytes: Bytes) -> String?
    where Bytes.Element == UInt8 {
        // A UTF-32 mark begins with that of UTF-16.
        if bytes.starts(with: [0xFF, 0xFE, 0, 0]) || bytes.starts(with: [0, 0, 0xFE, 0xFF]) {
            return "UTF-32"
        }
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) { return "UTF-16" }
        let start = Array(bytes.prefix(256))
        guard start.count >= 4 else { return nil }
        let zeros = (0..<4).map { phase in
            stride(from: phase, to: start.count, by: 4).allSatisfy { start[$0] == 0 }
        }
        switch zeros {
        case [false, true, true, true]: return "UTF-32LE"
        case [true, true, true, false]: return "UTF-32BE"
        case [false, true, false, true]: return "UTF-16LE"
        case [true, false, true, false]: return "UTF-16BE"
        default: return nil
        }
    }

    /// How to make UTF-8 of another encoding.
    package static func conversion(from encoding: String) -> String {
        "convert it with iconv -f \(encoding) -t UTF-8"
    }
}

extension FileBytes {
    /// A whole text file without the mark before it.
    ///
    /// - Parameter advice: what to give in place of a file that is no text.
    /// - Throws: `ModelFileError` as `read` does, and for bytes that are not UTF-8.
    package static func text(_ url: URL, byteLimit: Int = Int.max, advice: String) throws -> String {
        let bytes = try read(url, byteLimit: byteLimit)
        let encoding = TextMarks.otherEncoding(of: bytes)
        guard encoding == nil,
            let text = String(validating: bytes.dropFirst(TextMarks.length(at: bytes)), as: UTF8.self)
        else {
            throw ModelFileError(
                file: url.relativePath, problem: encoding.map { "the file is \($0)" } ?? "not a UTF-8 text",
                advice: encoding.map(TextMarks.conversion) ?? advice)
        }
        return text
    }
}
