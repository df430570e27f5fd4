import ModelFiles

/// The bytes of one file, checked as a whole so that a reader may cut them at any line or field:
/// valid UTF-8, no NUL, no overlong line, no byte order mark at a line's start, and line feeds for line ends.
struct SourceText {
    /// A line longer than this is not an example but a file of another kind.
    static let longestLine = 16 << 20
    /// Bytes that are checked for UTF-8 at a time, since each piece is copied.
    private static let pieceSize = 1 << 18

    let name: String
    let bytes: [UInt8]

    /// - Parameter mayBeBlank: of a part of a file, which may hold nothing.
    init(
        _ input: [UInt8], name: String, longestLine: Int = SourceText.longestLine, mayBeBlank: Bool = false
    ) throws {
        self.name = name
        if let encoding = TextMarks.otherEncoding(of: input) {
            throw DataError(
                file: name, line: 1, problem: "the file is \(encoding)",
                advice: TextMarks.conversion(from: encoding))
        }
        var text = input
        Self.normalize(&text)
        bytes = text
        if !mayBeBlank, bytes.allSatisfy({ $0 == 0x0A || $0 == 0x0D || $0 == 0x20 || $0 == 0x09 }) {
            throw DataError(file: name, problem: "the file is empty", advice: "check the path")
        }
        try checkLines(longestLine)
        try checkUTF8()
    }

    /// Takes out byte order marks, where lines begin too: there they come from files that were put together. Carriage
    /// returns become line feeds where nothing else ends a line (old Macs). Bytes that need none of this are not copied.
    static func normalize(_ bytes: inout [UInt8]) {
        bytes.removeFirst(TextMarks.length(at: bytes))
        if !bytes.contains(0x0A), bytes.contains(0x0D) {
            for index in bytes.indices where bytes[index] == 0x0D { bytes[index] = 0x0A }
        }
        guard let first = mark(in: bytes, from: 0) else { return }
        var kept = first
        var index = first
        while index < bytes.count {
            if bytes[index - 1] == 0x0A, bytes[index...].starts(with: TextMarks.utf8) {
                index += TextMarks.utf8.count
                continue
            }
            bytes[kept] = bytes[index]
            kept += 1
            index += 1
        }
        bytes.removeLast(bytes.count - kept)
    }

    /// Where the next line that begins with a mark does.
    private static func mark(in bytes: [UInt8], from start: Int) -> Int? {
        var start = start
        while let index = bytes[start...].firstIndex(of: TextMarks.utf8[0]) {
            if index > 0, bytes[index - 1] == 0x0A, bytes[index...].starts(with: TextMarks.utf8) {
                return index
            }
            start = index + 1
        }
        return nil
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
                advice: "convert the file, for example with iconv -f WINDOWS-1252 -t UTF-8")
        }
    }

    func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
}
