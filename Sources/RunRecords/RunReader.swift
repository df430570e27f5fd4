import Foundation

/// Reads what a run folder holds.
package enum RunReader {
    /// Throws `RecordError` when `folder` is no run's, or a file in it is damaged anywhere but in a torn last line.
    package static func record(of folder: URL) throws -> RunRecord {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: folder.path, isDirectory: &isFolder) else {
            throw RecordError(
                kind: .missing, place: folder.path, problem: "there is no such folder",
                advice: "give the folder that 'adalora train' wrote")
        }
        guard isFolder.boolValue else {
            throw RecordError(
                place: folder.path, problem: "this is a file, not a run folder",
                advice: "give the folder that 'adalora train' wrote")
        }
        var events = EventReader(file: RunFolder(folder).events)
        try events.read()
        guard let start = events.starts.first else {
            throw RecordError(
                place: events.file.path, problem: "no start record: the run has not begun or the log was cut",
                advice: "wait for the run's first step, or give another folder")
        }
        var ranks = RankFileReader(
            file: RunFolder(folder).ranks, sites: start.sites, wasResumed: events.starts.count > 1)
        try ranks.read()
        return events.record(
            folder: folder, start: start, tables: ranks.tables, notes: events.notes + ranks.notes)
    }

    /// Throws `RecordError` when there are no triplets, or their file is damaged anywhere but in a torn last line, or does
    /// not fit the run's sites.
    package static func triplets(of run: RunRecord) throws -> TripletHistory {
        guard !run.start.sites.isEmpty else {
            throw RecordError(
                kind: .notRecorded, place: run.folder.path,
                problem:
                    "the method '\(run.start.method)' has no adapters of a rank, so there are no singular "
                    + "values",
                advice: "give the folder of a run with adapters, such as adalora")
        }
        var reader = TripletFileReader(
            file: RunFolder(run.folder).triplets, siteCount: run.start.sites.count,
            wasResumed: !run.resumedAfter.isEmpty)
        try reader.read()
        guard !reader.snapshots.isEmpty else {
            throw RecordError(
                kind: .missing, place: reader.file.path, problem: "no singular values are recorded yet",
                advice: "wait for the run's first allocation or its end")
        }
        return TripletHistory(run, snapshots: carryingKeptEnergy(reader.snapshots), notes: reader.notes)
    }

    /// What a language model answered to its run's prompts; nil where the run has none. Throws `RecordError` where the file is
    /// damaged anywhere but in a torn last line.
    ///
    /// - Parameter wasResumed: the run may have answered again.
    package static func samples(_ folder: RunFolder, wasResumed: Bool) throws -> SampleHistory? {
        var reader = SampleFileReader(file: folder.samples, wasResumed: wasResumed)
        return try reader.read() ? SampleHistory(steps: reader.steps, notes: reader.notes) : nil
    }

    /// The last step of a run is recorded without a mask of its own: what the last allocation left still holds.
    private static func carryingKeptEnergy(_ snapshots: [TripletHistory.Snapshot]) -> [TripletHistory
        .Snapshot]
    {
        guard let last = snapshots.last, snapshots.count > 1,
            last.sites.allSatisfy({ $0.keptEnergy == nil })
        else { return snapshots }
        let sites = zip(last.sites, snapshots[snapshots.count - 2].sites).map { site, before in
            TripletHistory.Site(
                kept: site.kept, spectrum: site.spectrum, importance: site.importance,
                orthogonalityError: site.orthogonalityError, keptEnergy: site.keptEnergy ?? before.keptEnergy)
        }
        return snapshots.dropLast() + [.init(step: last.step, sites: sites)]
    }
}
