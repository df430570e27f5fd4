import Foundation
import Messages
import ModelFiles

/// Reads `ranks.csv` against the sites of the start record.
package struct RankFileReader {
    let file: URL
    let sites: [RunRecord.Site]
    /// A resumed run may record steps again that the run before it had recorded.
    let wasResumed: Bool
    private(set) var tables: [RunRecord.RankTable] = []
    private(set) var notes: [String] = []
    /// What stands between step and rank in the row of each site.
    private let middles: [[UInt8]]
    private var step = 0
    private var ranks: [Int] = []
    private var replaced = 0

    static let header = "step,site,layer,role,rank"

    init(file: URL, sites: [RunRecord.Site], wasResumed: Bool) {
        self.file = file
        self.sites = sites
        self.wasResumed = wasResumed
        middles = sites.map { Array(",\($0.name),\($0.layer),\($0.role),".utf8) }
    }

    /// Leaves `tables` empty when there is no file: methods without adapters write none.
    mutating func read() throws {
        guard let lines = try LineReader(file) else { return }
        var reader = self
        try lines.read { bytes, line, isTorn in
            // Not even a whole last line is used when its end is missing: its rank may have lost digits.
            guard !isTorn else {
                reader.notes.append("ranks.csv: the last line (\(line)) is torn and was ignored")
                return
            }
            let row = bytes.last == 0x0D ? UnsafeRawBufferPointer(rebasing: bytes.dropLast()) : bytes
            if line == 1 {
                guard row.elementsEqual(Self.header.utf8) else {
                    throw reader.error(line, "the first line should be '\(Self.header)'")
                }
            } else {
                try reader.add(row, line)
            }
        }
        if !reader.ranks.isEmpty {
            reader.notes.append(
                "ranks.csv: the last table (step \(reader.step)) has \(reader.ranks.count) of "
                    + "\(sites.count) sites and was ignored")
        }
        if reader.replaced > 0 {
            reader.notes.append(
                "ranks.csv: \(Figures.counted(reader.replaced, "table")) "
                    + "recorded again after a resume; the later ones count")
        }
        self = reader
    }

    private func error(_ line: Int, _ problem: String) -> RecordError {
        RecordError(
            place: file.path, line: line, problem: problem,
            advice: "only the end of the file may be torn: restore it from where it was copied")
    }

    private mutating func add(_ row: UnsafeRawBufferPointer, _ line: Int) throws {
        guard !sites.isEmpty else { throw error(line, "a rank, but the run has no sites") }
        let middle = middles[ranks.count]
        // A long run has a million rows, so fields are told apart only in one that is not as expected.
        guard let comma = row.firstIndex(of: UInt8(ascii: ",")),
            let step = Self.integer(row[..<comma], limit: EventLine.Limit.step),
            row[comma...].starts(with: middle),
            let rank = Self.integer(row[(comma + middle.count)...], limit: EventLine.Limit.rank)
        else { throw fault(String(decoding: row, as: UTF8.self), line) }
        if ranks.isEmpty { try begin(step, line) }
        guard step == self.step else {
            throw error(
                line, "step \(step) begins, but step \(self.step) has \(ranks.count) of \(sites.count) sites")
        }
        ranks.append(rank)
        guard ranks.count == sites.count else { return }
        tables.append(.init(step: step, ranks: ranks))
        ranks = []
    }

    /// Digits only, at most `limit`.
    private static func integer(_ digits: Slice<UnsafeRawBufferPointer>, limit: Int) -> Int? {
        guard (1...15).contains(digits.count) else { return nil }
        var value = 0
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            value = 10 * value + Int(digit - UInt8(ascii: "0"))
        }
        return value <= limit ? value : nil
    }

    /// What is wrong with a row that is not as expected.
    private func fault(_ text: String, _ line: Int) -> RecordError {
        let fields = text.split(separator: ",", omittingEmptySubsequences: false)
        guard fields.count == 5 else { return error(line, "\(fields.count) fields, there should be 5") }
        guard let step = Int(fields[0]), (0...EventLine.Limit.step).contains(step) else {
            return error(line, "the step should be an integer of at least 0")
        }
        guard let rank = Int(fields[4]), (0...EventLine.Limit.rank).contains(rank) else {
            return error(line, "the rank should be an integer from 0 to \(EventLine.Limit.rank)")
        }
        return error(line, "the site should be '\(sites[ranks.count].name)', as in the start record")
    }

    private mutating func begin(_ step: Int, _ line: Int) throws {
        if let last = tables.last?.step, step <= last {
            guard wasResumed else { throw error(line, "step \(step) follows step \(last)") }
            let before = tables.count
            tables.removeAll { $0.step >= step }
            replaced += before - tables.count
        }
        self.step = step
    }

    /// The ranks of the last step by site, without a start record to hold them against, read from the file's end: such a
    /// table may be long. What a killed run left of a table is passed over.
    package static func lastTable(of file: URL) throws -> [String: Int] {
        let bytes = try FileBytes.read(file)
        var tables: [(step: Substring, ranks: [String: Int])] = []
        // A line without its end is torn; the first one is the header.
        var end = (bytes.lastIndex(of: 0x0A) ?? -1) + 1
        while end > 0, let start = bytes[..<(end - 1)].lastIndex(of: 0x0A) {
            // An editor may have made the lines end as on Windows.
            let text = String(decoding: bytes[(start + 1)..<(end - 1)], as: UTF8.self)
            let line = text.utf8.last == 0x0D ? Substring(text.unicodeScalars.dropLast()) : text[...]
            end = start + 1
            let fields = line.split(separator: ",", omittingEmptySubsequences: false)
            guard fields.count == 5, let rank = Int(fields[4]), rank >= 0 else {
                throw ModelFileError(
                    file: file.path, problem: "a line is not '\(header)'",
                    advice: "use the file as the run wrote it")
            }
            if tables.last?.step != fields[0] {
                if tables.count == 2 { break }
                tables.append((fields[0], [:]))
            }
            tables[tables.count - 1].ranks[String(fields[1])] = rank
        }
        let isTorn = tables.count == 2 && tables[0].ranks.count < tables[1].ranks.count
        return (isTorn ? tables[1] : tables.first)?.ranks ?? [:]
    }
}
