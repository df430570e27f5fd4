import Foundation
import Messages

/// What a run folder's `triplets.jsonl` says: each site's singular values and importance scores over time.
///
/// Read on demand, as it is the largest file of a run folder.
package struct TripletHistory: Sendable {
    /// The triplets of one site after a step.
    package struct Site: Sendable, Equatable {
        /// For each triplet present whether the mask keeps it; empty for rank 0 after compaction.
        package let kept: [Bool]
        /// Singular values of the masked ΔW, scale included: as many as kept triplets, not in their order.
        package let spectrum: Spectrum
        /// The score of each triplet present, nil where it is not finite; empty for methods that score none.
        package let importance: [Double?]
        /// max(‖PᵀP−I‖_F, ‖QQᵀ−I‖_F) over the kept triplets; nil where it is not measured.
        package let orthogonalityError: Double?
        /// ‖ΔW‖²_F after the last mask over that before it; nil when ΔW was 0 before.
        package let keptEnergy: Double?

        package var rank: Int { spectrum.rank }

        package init(
            kept: [Bool], spectrum: Spectrum, importance: [Double?], orthogonalityError: Double?,
            keptEnergy: Double?
        ) {
            self.kept = kept
            self.spectrum = spectrum
            self.importance = importance
            self.orthogonalityError = orthogonalityError
            self.keptEnergy = keptEnergy
        }
    }

    package struct Snapshot: Sendable, Equatable {
        package let step: Int
        /// In the order of `Start.sites`.
        package let sites: [Site]

        package init(step: Int, sites: [Site]) {
            self.step = step
            self.sites = sites
        }

        package var ranks: [Int] { sites.map(\.rank) }
        /// That of all sites as the blocks of one matrix.
        package var joined: Spectrum { Spectrum(joining: sites.map(\.spectrum)) }
    }

    /// The run that these belong to.
    package let run: RunRecord
    /// At least one, by step.
    package let snapshots: [Snapshot]
    /// What the reader left out: a torn last line, records that a resumed run replaced.
    package let notes: [String]

    init(_ run: RunRecord, snapshots: [Snapshot], notes: [String]) {
        self.run = run
        self.snapshots = snapshots
        self.notes = notes
    }

    /// The last snapshot at or before `step`; the last of all for nil. Throws `RecordError` for a step outside
    /// the run, naming the nearest recorded ones.
    package func snapshot(at step: Int?) throws(any Error) -> Snapshot {
        guard let step else { return snapshots[snapshots.count - 1] }
        let after = snapshots.firstIndex { $0.step > step } ?? snapshots.count
        let last = max(run.lastStep, snapshots[snapshots.count - 1].step)
        guard after > 0, step <= last else {
            let near = after == 0 ? snapshots.prefix(2) : snapshots.suffix(2)
            let names = near.map { "\($0.step)" }.joined(separator: " and ")
            throw RecordError(
                kind: .notRecorded, place: run.folder.path,
                problem: "step \(step) has no singular values, they are recorded from step "
                    + "\(snapshots[0].step) to \(last)",
                advice: near.count == 1
                    ? "the only recorded step is \(names)" : "the nearest recorded steps are \(names)")
        }
        return snapshots[after - 1]
    }

    /// The position in `Start.sites` of a site. Throws `RecordError` for an unknown name, with names near it.
    package func position(of name: String) throws(any Error) -> Int {
        let names = run.start.sites.map(\.name)
        if let at = names.firstIndex(of: name) { return at }
        let asked = String(name.prefix(60))
        let distances = names.map { editDistance(String($0.prefix(200)), asked) }
        // Beyond a third of the name the nearest one is no better a guess than any other.
        let near = names.indices.filter { distances[$0] <= max(2, asked.count / 3) }
            .sorted { (distances[$0], $0) < (distances[$1], $1) }.prefix(3).map { names[$0] }
        let shown = names.count > 6 ? Array(names.prefix(3)) + ["..."] + names.suffix(2) : names
        throw RecordError(
            kind: .notRecorded, place: run.folder.path, problem: "the run has no site '\(asked)'",
            advice: near.isEmpty
                ? "its \(Figures.counted(names.count, "site")): \(shown.joined(separator: ", "))"
                : "did you mean \(near.joined(separator: ", "))?")
    }
}
