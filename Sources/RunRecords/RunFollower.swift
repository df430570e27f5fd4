import Foundation
import Messages

/// Reads a run folder again and again while the run goes on, each time only what was added.
///
///     var follower = RunFollower(folder: url)
///     while try follower.poll() != nil { show(follower.record) }
package struct RunFollower {
    package enum Change: Sendable, Equatable {
        case nothing
        case more
        /// The run went on from a checkpoint: what it had recorded after that is gone.
        case again
    }

    package let folder: URL
    /// What the files say so far; nil before the start record.
    package private(set) var record: RunRecord?
    private let file: URL
    private var reader: EventReader
    private var offset: UInt64 = 0
    private var line = 1
    /// The last bytes before `offset`: a file that differs there was cut and written anew.
    private var tail = Data()
    private var firstTable: RunRecord.RankTable?

    private static let tailLength = 256

    package init(folder: URL) {
        self.folder = folder
        file = RunFolder(folder).events
        reader = EventReader(file: file)
    }

    /// Takes what was added since the last time. Throws `RecordError` where there is no run (yet), or a line is
    /// damaged; a last line that is still being written waits for the next time.
    package mutating func poll() throws -> Change {
        guard let handle = FileHandle(forReadingAtPath: file.path) else {
            throw RecordError(
                kind: .missing, place: folder.path,
                problem: "this is not a run folder: it has no events.jsonl",
                advice: "give the folder that 'adalora train' writes, or wait for it with \(SettingName.wait)"
            )
        }
        defer { try? handle.close() }
        let wasCut = try !continues(handle)
        if wasCut { self = RunFollower(folder: folder) }
        try handle.seek(toOffset: offset)
        let data = try handle.readToEnd() ?? Data()
        guard let end = data.lastIndex(of: UInt8(ascii: "\n")) else { return wasCut ? .again : .nothing }
        let whole = data[data.startIndex...end]
        let resumed = reader.starts.count
        try take(whole)
        offset += UInt64(whole.count)
        tail = Data((tail + whole).suffix(Self.tailLength))
        try renew()
        return wasCut || (resumed > 0 && reader.starts.count > resumed) ? .again : .more
    }

    /// Whether the file is what it was up to `offset`.
    private func continues(_ handle: FileHandle) throws -> Bool {
        guard try handle.seekToEnd() >= offset else { return false }
        try handle.seek(toOffset: offset - UInt64(tail.count))
        return try tail.isEmpty || handle.read(upToCount: tail.count) == tail
    }

    private mutating func take(_ lines: Data) throws {
        for bytes in lines.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).dropLast() {
            try bytes.withUnsafeBytes { try reader.add(EventLine($0, file: file.path, line: line)) }
            line += 1
        }
    }

    private mutating func renew() throws {
        guard let start = reader.starts.first else { return }
        // The ranks of the start stand only in ranks.csv.
        if firstTable == nil, !start.sites.isEmpty {
            var ranks = RankFileReader(
                file: RunFolder(folder).ranks, sites: start.sites, wasResumed: true)
            try ranks.read()
            firstTable = ranks.tables.first
        }
        let later =
            reader.end.map { ($0.step, $0.ranks) } ?? reader.allocations.last.map { ($0.step, $0.ranks) }
        var tables = firstTable.map { [$0] } ?? []
        if let later, !start.sites.isEmpty { tables.append(.init(step: later.0, ranks: later.1)) }
        record = reader.record(folder: folder, start: start, tables: tables, notes: reader.notes)
    }

    /// Whether a process of this machine writes into the folder; nil where the system does not tell.
    ///
    /// Looks at the locks of the system and takes none: a watcher must not keep a run from starting.
    package var isWritten: Bool? {
        guard let locks = try? String(contentsOfFile: "/proc/locks", encoding: .utf8),
            let number = try? FileManager.default.attributesOfItem(atPath: folder.path)[.systemFileNumber],
            let inode = (number as? NSNumber)?.uint64Value
        else { return nil }
        return locks.split(separator: "\n").contains { line in
            line.contains(" FLOCK ") && line.split(separator: " ").contains { $0.hasSuffix(":\(inode)") }
        }
    }

    /// Seconds since the event log last grew; nil where that cannot be told.
    package var quietSeconds: Double? {
        let date = try? FileManager.default.attributesOfItem(atPath: file.path)[.modificationDate] as? Date
        return date.map { -$0.timeIntervalSinceNow }
    }
}
