import Foundation
import Messages

/// Reads `triplets.jsonl` against the sites of the start record.
struct TripletFileReader {
    let file: URL
    let siteCount: Int
    /// A resumed run may record steps again that the run before it had recorded.
    let wasResumed: Bool
    private(set) var snapshots: [TripletHistory.Snapshot] = []
    private(set) var notes: [String] = []
    private var replaced = 0

    init(file: URL, siteCount: Int, wasResumed: Bool) {
        self.file = file
        self.siteCount = siteCount
        self.wasResumed = wasResumed
    }

    mutating func read() throws {
        guard let lines = try LineReader(file) else {
            throw RecordError(
                kind: .missing, place: file.path,
                problem:
                    "no such file: the run was made by an older version, which recorded no singular values",
                advice: "train again, or see its ranks with 'adalora ranks'")
        }
        var reader = self
        try lines.read { bytes, line, isTorn in
            do {
                try reader.add(EventLine(bytes, file: reader.file.path, line: line))
            } catch  where isTorn {
                reader.notes.append("triplets.jsonl: the last line (\(line)) is torn and was ignored")
            }
        }
        if reader.replaced > 0 {
            reader.notes.append(
                "triplets.jsonl: \(Figures.counted(reader.replaced, "snapshot")) "
                    + "recorded again after a resume; the later ones count")
        }
        self = reader
    }

    private mutating func add(_ line: EventLine) throws {
        let step = try line.step()
        let sites = try line.triplets()
        guard sites.count == siteCount else {
            throw line.error("key 'sites' has \(sites.count) values, the run has \(siteCount) sites")
        }
        if let last = snapshots.last?.step, step <= last {
            guard wasResumed else { throw line.error("step \(step) follows step \(last)") }
            let before = snapshots.count
            snapshots.removeAll { $0.step >= step }
            replaced += before - snapshots.count
        }
        snapshots.append(.init(step: step, sites: sites))
    }
}
