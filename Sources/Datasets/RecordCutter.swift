import ModelFiles

/// Cuts text that comes in pieces into the records of its format: lines, or rows of CSV, whose quoted fields may go on
/// over lines.
struct RecordCutter {
    enum Rule: Equatable {
        case lines
        /// A quote opens a field behind one of these, or at the start of a record.
        case quoted(separators: [UInt8])
    }

    struct Record: Equatable {
        /// Where it begins, counted from 1.
        let line: Int
        /// Without its line end.
        let bytes: [UInt8]

        var isBlank: Bool { bytes.allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D } }
    }

    /// May change from record to record.
    var rule = Rule.lines {
        didSet { if rule != oldValue { restart() } }
    }
    private let name: String
    private var buffer: [UInt8] = []
    /// Of the next record in `buffer`
    private var start = 0
    private var line = 1
    /// Of the next record, what was looked at, and what that came to.
    private var scanned = 0
    private var isQuoted = false
    private var opens = true
    private var lineFeeds = 0
    private var hasLineFeed = false
    /// Carriage returns end lines, as on old Macs.
    private var endsByReturn = false
    private var isComplete = false

    init(name: String) { self.name = name }

    mutating func add(_ bytes: [UInt8]) {
        buffer.removeFirst(start)
        scanned -= start
        start = 0
        buffer += endsByReturn ? bytes.map { $0 == 0x0D ? 0x0A : $0 } : bytes
    }

    /// There are no more bytes.
    mutating func end() {
        if !hasLineFeed { takeReturnsForLineEnds() }
        isComplete = true
    }

    /// The next record; nil where more bytes are needed, or none is left.
    ///
    /// - Throws: `DataError` for a line that is no row of any file.
    mutating func next() throws -> Record? {
        while scanned < buffer.count {
            let byte = buffer[scanned]
            scanned += 1
            if byte == 0x0A {
                hasLineFeed = true
                lineFeeds += 1
                if !isQuoted { return taken(until: scanned - 1, through: scanned) }
            } else if scanned - start > SourceText.longestLine {
                if !hasLineFeed, buffer.contains(0x0D) {
                    takeReturnsForLineEnds()
                    continue
                }
                if isQuoted && lineFeeds > 0 { return unclosed() }
                throw DataError(
                    file: name, line: line, problem: "the line is longer than 16 MB",
                    advice: "check that the file has one example per line")
            }
            look(at: byte)
        }
        guard isComplete, start < buffer.count else { return nil }
        return isQuoted && lineFeeds > 0 ? unclosed() : taken(until: buffer.count, through: buffer.count)
    }

    private mutating func look(at byte: UInt8) {
        guard case .quoted(let separators) = rule else { return }
        if isQuoted {
            isQuoted = byte != UInt8(ascii: "\"")
            // Of two quotes the second opens the field again.
            opens = !isQuoted
        } else {
            isQuoted = byte == UInt8(ascii: "\"") && opens
            // Byte order marks at the start of a line say nothing.
            opens = separators.contains(byte) || (opens && TextMarks.utf8.contains(byte))
        }
    }

    private mutating func taken(until end: Int, through next: Int) -> Record {
        let record = Record(line: line, bytes: Array(buffer[start..<end]))
        line += lineFeeds
        start = next
        restart()
        return record
    }

    /// A quoted field that never closes, to the end: whoever reads it says so. The rows after its first line may be good.
    private mutating func unclosed() -> Record {
        let record = Record(line: line, bytes: Array(buffer[start...]))
        start = (buffer[start...].firstIndex(of: 0x0A) ?? buffer.count - 1) + 1
        line += 1
        restart()
        return record
    }

    private mutating func restart() {
        (scanned, isQuoted, opens, lineFeeds) = (start, false, true, 0)
    }

    private mutating func takeReturnsForLineEnds() {
        endsByReturn = true
        for index in buffer.indices[start...] where buffer[index] == 0x0D { buffer[index] = 0x0A }
        restart()
    }
}
