/// The bytes of one file, checked as a whole so that a reader may cut them at any line or field:
/// valid UTF-8, no NUL, no overlong line, and no byte order mark.
struct SourceText {
    /// A line longer than this is not an example but a file of another kind.
    static let longestLine = 16 << 20
    /// Bytes that are checked for UTF-8 at a time, since each piece is copied.
    private static let pieceSize = 1 << 18
    static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

    let name: String
    let bytes: [UInt8]

    init(_ input: [UInt8], name: String, longestLine: Int = SourceText.longestLine) throws {
        let hasMark = input.starts(with: Self.byteOrderMark)
        bytes = hasMark ? Array(input.dropFirst(Self.byteOrderMark.count)) : input
        self.name = name
        if bytes.allSatisfy({ $0 == 0x0A || $0 == 0x0D || $0 == 0x20 || $0 == 0x09 }) {
            throw DataError(file: name, problem: "the file is empty", advice: "check the path")
        }
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
            throw DataError(
                file: name, line: 1, problem: "the file is UTF-16",
                advice: "convert it with iconv -f UTF-16 -t UTF-8")
        }
        try checkLines(longestLine)
        try checkUTF8()
    }

    /// The line that begins at `start`, without its end; nil at the end of the text.
    func line(from start: Int) -> Range<Int>? {
        guard start < bytes.count else { return nil }
        return start..<(bytes[start...].firstIndex(of: 0x0A) ?? bytes.count)
    }

    private func checkLines(_ longestLine: Int) throws {
        var line = 1
        var start = 0
        for index in bytes.indices {
            if bytes[index] == 0x0A {
                line += 1
                start = index + 1
            } else if bytes[index] == 0 {
                throw DataError(
                    file: name, line: line, problem: "NUL byte",
                    advice: "this is not a text file: check the path")
            } else if index - start >= longestLine {
                throw DataError(
                    file: name, line: line, problem: "the line is longer than 16 MB",
                    advice: "check that the file has one example per line")
            }
        }
    }

    private func checkUTF8() throws {
        var start = 0
        while start < bytes.count {
            var end = min(start + Self.pieceSize, bytes.count)
            while end < bytes.count, bytes[end] & 0xC0 == 0x80 { end += 1 }
            if String(validating: bytes[start..<end], as: UTF8.self) == nil {
                try failAtInvalidUTF8(in: start..<end)
            }
            start = end
        }
    }

    private func failAtInvalidUTF8(in piece: Range<Int>) throws {
        let first = 1 + bytes[..<piece.lowerBound].count { $0 == 0x0A }
        for (index, part) in bytes[piece].split(separator: 0x0A, omittingEmptySubsequences: false)
            .enumerated()
        where String(validating: part, as: UTF8.self) == nil {
            throw DataError(
                file: name, line: first + index, problem: "invalid UTF-8",
                advice: "convert the file, for example with iconv -f LATIN1 -t UTF-8")
        }
    }

    func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
}
