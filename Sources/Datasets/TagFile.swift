/// A file of words and tags, one word a line (CoNLL): what each line is, and how it is cut into columns.
///
/// All lines are looked at before any is read: whether `#` begins a comment or is a word shows in the other lines.
struct TagFile {
    enum Kind: Sendable {
        /// Ends a sentence: a line of white space, or a mark of documents or sentences.
        case boundary
        /// Says something about the file or a sentence.
        case comment
        case word
        /// Begins with `#` or `<`, and may be a word.
        case doubtful
    }

    struct Line: Sendable {
        let number: Int
        /// Without the line's end and the white space before it.
        let range: Range<Int>
        var kind: Kind
    }

    /// What stands between columns.
    enum Cut: Sendable {
        /// One tab; a field may be empty.
        case tab
        case tabs
        case whiteSpace
        /// Tabs where the line has some, else spaces.
        case either
    }

    let source: SourceText
    private(set) var lines: [Line] = []
    private(set) var cut = Cut.whiteSpace
    /// Columns of most words.
    private(set) var columns = 0
    /// The marks of CoNLL-2012 occur.
    private(set) var hasDocumentMarks = false

    init(_ source: SourceText) throws {
        self.source = source
        var (position, number) = (0, 0)
        while let range = source.line(from: position) {
            position = range.upperBound + 1
            number += 1
            let trimmed = try trim(range, number)
            let kind = kind(of: trimmed)
            if kind == .boundary, source.bytes[trimmed].first == UInt8(ascii: "#") { hasDocumentMarks = true }
            lines.append(Line(number: number, range: trimmed, kind: kind))
        }
        guard lines.contains(where: { $0.kind == .word }) else {
            throw problem(
                "no words, only comments and marks", line: nil, "write a word and its tag on each line")
        }
        try chooseCut()
    }

    mutating func settle(_ index: Int, as kind: Kind) { lines[index].kind = kind }

    private func trim(_ range: Range<Int>, _ number: Int) throws -> Range<Int> {
        var end = range.upperBound
        while end > range.lowerBound, [0x0D, 0x20].contains(source.bytes[end - 1]) { end -= 1 }
        if source.bytes[range.lowerBound..<end].contains(0x0D) {
            throw problem(
                "carriage return without line feed", line: number,
                "convert the line ends, for example with tr '\\r' '\\n'")
        }
        return range.lowerBound..<end
    }

    private func kind(of range: Range<Int>) -> Kind {
        let bytes = source.bytes[range]
        guard let first = bytes.first(where: { $0 != 0x20 && $0 != 0x09 }) else { return .boundary }
        switch first {
        case UInt8(ascii: "#"):
            let text = source.text(range)
            // CoNLL-2012
            return text.hasPrefix("#begin document") || text.hasPrefix("#end document")
                ? .boundary : .doubtful
        case UInt8(ascii: "<"): return .doubtful
        default:
            // CoNLL-2003 begins each document with such a line; a number of the word may stand before it.
            let fields = bytes.split(maxSplits: 2) { $0 == 0x20 || $0 == 0x09 }
            let mark = Array("-DOCSTART-".utf8)
            if fields.first?.elementsEqual(mark) == true { return .boundary }
            if fields.count > 1, fields[1].elementsEqual(mark), WordNumber(fields[0]) != nil {
                return .boundary
            }
            // Unicode has more white space than the three above.
            let isBlank = first < 0x20 || first >= 0x80
            return isBlank && source.text(range).unicodeScalars.allSatisfy(Self.isBlank) ? .boundary : .word
        }
    }

    private static func isBlank(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isWhitespace || scalar == "\u{feff}"
    }

    /// How many columns a line has by each way to cut it.
    private struct Counts {
        var tab = 1
        var tabs = 0
        var whiteSpace = 0
        var either: Int { tab > 1 ? tabs : whiteSpace }

        init(_ bytes: ArraySlice<UInt8>) {
            var (inTabs, inWhiteSpace) = (false, false)
            for byte in bytes {
                if byte == 0x09 {
                    tab += 1
                    (inTabs, inWhiteSpace) = (false, false)
                } else if byte == 0x20 {
                    inWhiteSpace = false
                } else {
                    if !inTabs { tabs += 1 }
                    if !inWhiteSpace { whiteSpace += 1 }
                    (inTabs, inWhiteSpace) = (true, true)
                }
            }
        }
    }

    private mutating func chooseCut() throws {
        let words = lines.filter { $0.kind == .word }
        let counts = words.map { Counts(source.bytes[$0.range]) }
        func agree(_ count: KeyPath<Counts, Int>) -> Bool {
            counts.allSatisfy { $0[keyPath: count] == counts[0][keyPath: count] }
        }
        let tabbed = counts.count { $0.tab > 1 }
        if tabbed == 0 {
            cut = .whiteSpace
        } else if tabbed < counts.count {
            cut = agree(\.whiteSpace) ? .whiteSpace : .either
        } else if agree(\.tab) {
            // Columns that are empty everywhere are none.
            cut = agree(\.tabs) && haveTheSameEmptyFields(words) ? .tabs : .tab
        } else {
            cut = agree(\.tabs) ? .tabs : agree(\.whiteSpace) ? .whiteSpace : .tab
        }
        let chosen = counts.map { count in
            switch cut {
            case .tab: count.tab
            case .tabs: count.tabs
            case .whiteSpace: count.whiteSpace
            case .either: count.either
            }
        }
        if let index = chosen.firstIndex(where: { $0 > DelimitedReader.mostColumns }) {
            throw problem(
                "more than \(DelimitedReader.mostColumns) columns", line: words[index].number,
                "check the file's format")
        }
        var found: [Int: Int] = [:]
        for count in chosen { found[count, default: 0] += 1 }
        let most = found.values.max() ?? 0
        columns = chosen.first { found[$0] == most } ?? 0
    }

    private func haveTheSameEmptyFields(_ words: [Line]) -> Bool {
        func empty(_ line: Line) -> [Bool] {
            source.bytes[line.range].split(separator: 0x09, omittingEmptySubsequences: false).map {
                $0.allSatisfy { $0 == 0x20 }
            }
        }
        let first = words.first.map(empty) ?? []
        return words.allSatisfy { empty($0) == first }
    }

    /// The columns of a line, without the spaces around each.
    func fields(_ line: Line) -> [String] {
        let bytes = source.bytes[line.range]
        let isTabbed = cut == .tab || cut == .tabs || (cut == .either && bytes.contains(0x09))
        return bytes.split(maxSplits: DelimitedReader.mostColumns, omittingEmptySubsequences: cut != .tab) {
            $0 == 0x09 || (!isTabbed && $0 == 0x20)
        }.map { field in
            let start = field.firstIndex { $0 != 0x20 } ?? field.endIndex
            let end = field.lastIndex { $0 != 0x20 } ?? start - 1
            return String(decoding: field[start..<(end + 1)], as: UTF8.self)
        }
    }

    func text(_ line: Line) -> String { source.text(line.range) }

    func problem(_ what: String, line: Int?, _ advice: String) -> DataError {
        DataError(file: source.name, line: line, problem: what, advice: advice)
    }
}

/// What CoNLL-U writes before a word: its number in the sentence, a range of them, or a place between two.
enum WordNumber: Equatable {
    case word(Int)
    /// Words of a multiword token follow.
    case range
    /// No word of the sentence as it was written.
    case emptyNode

    init?(_ text: some Sequence<UInt8>) {
        let parts = Array(text.prefix(24)).split(omittingEmptySubsequences: false) {
            $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".")
        }
        let numbers = parts.compactMap { part in
            part.allSatisfy { (0x30...0x39).contains($0) } ? Int(String(decoding: part, as: UTF8.self)) : nil
        }
        guard numbers.count == parts.count else { return nil }
        switch numbers.count {
        case 1: self = .word(numbers[0])
        case 2: self = text.contains(UInt8(ascii: "-")) ? .range : .emptyNode
        default: return nil
        }
    }
}
