import Foundation
import Messages

/// What a run folder's `events.jsonl` and `ranks.csv` say, read once and checked.
///
/// The folder may belong to a run that is still going, was killed, or was resumed. A resumed run continues after
/// its checkpoint: records of later steps from before are dropped, and `notes` says so.
package struct RunRecord: Sendable {
    package let folder: URL
    /// How the run began.
    package let start: Start
    /// The steps after which it was resumed.
    package let resumedAfter: [Int]
    package let steps: [Step]
    package let allocations: [Allocation]
    package let compactions: [Compaction]
    package let evaluations: [Evaluation]
    package let checkpoints: [Checkpoint]
    /// The trainer's own warnings.
    package let warnings: [String]
    /// nil while the run is in progress, and when it was killed.
    package let end: End?
    /// The tables of `ranks.csv` by step; empty for a method without adapters.
    package let rankTables: [RankTable]
    /// What the reader left out: torn last lines, records that a resumed run replaced.
    package let notes: [String]
}

extension RunRecord {
    /// The last step that any record speaks of.
    package var lastStep: Int {
        max(
            start.completedSteps, steps.last?.step ?? 0, allocations.last?.step ?? 0,
            max(rankTables.last?.step ?? 0, end?.step ?? 0))
    }

    /// The first phase boundary: budgeting happens in `warmupSteps < t <= finalStart`.
    package var finalStart: Int { max(start.totalSteps - start.finalSteps, 0) }

    /// Throws `RecordError` when the run has no ranks to report.
    package func checkHasRanks() throws(any Error) {
        guard rankTables.isEmpty else { return }
        guard start.sites.isEmpty else {
            throw RecordError(
                kind: .missing, place: RunFolder(folder).ranks.path,
                problem: "no ranks are recorded yet",
                advice: "wait for the run's first step, or restore the file")
        }
        throw RecordError(
            kind: .notRecorded, place: folder.path,
            problem: start.lack(of: "ranks"),
            advice: "give the folder of a run with adapters, such as adalora")
    }

    /// The last table at or before `step`; the last of all for nil. Throws `RecordError` for a step outside the
    /// run, naming the nearest recorded ones.
    package func rankTable(at step: Int?) throws(any Error) -> RankTable {
        try checkHasRanks()
        guard let step else { return rankTables[rankTables.count - 1] }
        let after = rankTables.firstIndex { $0.step > step } ?? rankTables.count
        guard after > 0, step <= lastStep else {
            let near = after == 0 ? rankTables.prefix(2) : rankTables.suffix(2)
            let names = near.map { "\($0.step)" }.joined(separator: " and ")
            throw RecordError(
                kind: .notRecorded, place: folder.path,
                problem:
                    "step \(step) is not recorded, the run's steps are \(rankTables[0].step) to \(lastStep)",
                advice: near.count == 1
                    ? "the only recorded step is \(names)" : "the nearest recorded steps are \(names)")
        }
        return rankTables[after - 1]
    }

    /// The allocation whose ranks hold after `step`; nil before the first, and for methods of fixed rank.
    package func allocation(at step: Int) -> Allocation? { allocations.last { $0.step <= step } }
}

extension RunRecord.Start {
    /// Why a run without sites has no ranks, or nothing else that belongs to a rank.
    package func lack(of what: String) -> String {
        let has =
            parts.first.map { "trains \(Figures.plural($0.kind)), which have none" }
            ?? "has no adapters of a rank"
        return "the method '\(method)' \(has), so there are no \(what)"
    }

    /// Parameters of its parts
    package var partParameters: Int { parts.reduce(0) { $0 + $1.parameters } }
}
