import Foundation
import Messages
import ModelFiles

/// The bytes of a file's rows as they stand there, to be written into files of their own.
package struct RowChunks {
    /// What each file needs before its rows: names of columns, a note on what separates them.
    package let header: [UInt8]
    /// One for each example of the data set: its bytes, and what stands around it (comments, blank lines).
    package let rows: [ArraySlice<UInt8>]

    /// - Parameter dataset: what `Dataset.read` makes of the same file.
    /// - Throws: `DataError` for a document, whose rows are no lines.
    package init(_ url: URL, form: RowForm, _ dataset: Dataset) throws {
        let name = url.relativePath
        if Dataset.isImageFolder(url, form) {
            throw DataError(
                file: name, problem: "a folder of images has no lines to put into files of their own",
                advice:
                    "hold rows out in training with \(SettingName.validationFraction), or give a CSV file with their paths"
            )
        }
        guard let format = DataFormat(fileName: url.lastPathComponent, form: form) else {
            preconditionFailure("\(name) was read, in no known format")
        }
        let bytes: [UInt8]
        do {
            bytes = try Dataset.unpacked(FileBytes.read(url), name: name, format)
        } catch let error as ModelFileError {
            throw DataError(
                kind: .unreadable, file: name, problem: "the file cannot be read: \(error.problem)",
                advice: error.advice)
        }
        if format == .squad, try !SourceText(bytes, name: name, longestLine: Int.max).hasFlatQuestions {
            throw DataError(
                file: name, problem: "a SQuAD document has no lines to put into files of their own",
                advice:
                    "hold rows out in training with \(SettingName.validationFraction), or write a question a line (JSONL)"
            )
        }
        if format == .json, try SourceText(bytes, name: name, longestLine: Int.max).isArray {
            throw DataError(
                file: name, problem: "an array has no lines to put into files of their own",
                advice:
                    "hold rows out in training with \(SettingName.validationFraction), or write a row a line: jq -c '.[]'"
            )
        }
        let lines = Self.lines(bytes)
        let starts = dataset.examples.map { $0.line - 1 }
        guard zip(starts, starts.dropFirst()).allSatisfy({ $0 < $1 }),
            let first = starts.first, first >= 0, starts.allSatisfy({ $0 < lines.count })
        else {
            throw DataError(
                file: name, problem: "its rows do not stand on lines of their own",
                advice: "write a row a line (JSONL)")
        }
        switch format {
        case .conll:
            (header, rows) = Self.sentences(bytes, lines, starts)
        case .tsv, .csv:
            header = Array(bytes[..<lines[first].lowerBound])
            rows = Self.chunks(bytes, lines, from: starts)
        case .jsonl, .json, .squad:
            header = []
            // Blank lines and marks before the first row go with it.
            rows = Self.chunks(bytes, lines, from: [0] + starts.dropFirst())
        }
    }

    /// Each from its first line to before the next one's.
    private static func chunks(_ bytes: [UInt8], _ lines: [Range<Int>], from starts: [Int]) -> [ArraySlice<
        UInt8
    >] {
        starts.indices.map { at in
            let end = at + 1 < starts.count ? lines[starts[at + 1]].lowerBound : bytes.count
            return bytes[lines[starts[at]].lowerBound..<end]
        }
    }

    /// A sentence goes with the lines above it: its comments, the blank line or the mark of a document that it follows. What
    /// names columns is the header, and stays out of the sentences.
    private static func sentences(_ bytes: [UInt8], _ lines: [Range<Int>], _ starts: [Int]) -> (
        header: [UInt8], rows: [ArraySlice<UInt8>]
    ) {
        func text(_ line: Int) -> String {
            String(decoding: bytes[lines[line]], as: UTF8.self).trimmingCharacters(
                in: .whitespacesAndNewlines)
        }
        func ends(_ line: Int) -> Bool {
            let text = text(line)
            return text.isEmpty || text.hasPrefix("#begin document") || text.hasPrefix("#end document")
                || text.split(whereSeparator: \.isWhitespace).prefix(2).contains("-DOCSTART-")
        }
        // Above the first sentence: names of columns are no comment, no mark, and no blank line.
        let named = (0..<starts[0]).last { line in
            text(line).hasPrefix("# global.columns") || (!ends(line) && !text(line).hasPrefix("#"))
        }
        let headerEnd = named.map { $0 + 1 } ?? 0
        var firsts = [headerEnd]
        for start in starts.dropFirst() {
            var line = start
            // The last line of the sentence before, which is no comment of this one.
            while line > 0, !ends(line - 1) { line -= 1 }
            while line > 0, ends(line - 1) { line -= 1 }
            firsts.append(max(line, (firsts.last ?? 0) + 1))
        }
        return (Array(bytes[..<lines[headerEnd].lowerBound]), chunks(bytes, lines, from: firsts))
    }

    /// With their ends: line feeds, or carriage returns where nothing else ends a line.
    private static func lines(_ bytes: [UInt8]) -> [Range<Int>] {
        let end: UInt8 = bytes.contains(0x0A) ? 0x0A : 0x0D
        var lines: [Range<Int>] = []
        var start = 0
        while start < bytes.count {
            let stop = bytes[start...].firstIndex(of: end).map { $0 + 1 } ?? bytes.count
            lines.append(start..<stop)
            start = stop
        }
        return lines
    }
}
