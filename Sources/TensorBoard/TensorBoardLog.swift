import Foundation
import RankAllocation
import Reports
import RunRecords

/// Writes a run's events to `tensorboard/` in its folder as they come. A resumed run takes back what it is going to do
/// again, so that nothing stands there twice.
package final class TensorBoardLog {
    private let folder: URL
    private let settings: [String: String]
    private var file: EventFolder?
    private var sites: [RunRecord.Site] = []
    /// That have a budget of their own
    private var towers: [String] = []
    /// The rank of the pictures' last color, the same through the run.
    private var largestRank = 1
    private var lastTripletStep = -1

    private static let validationTag = "Loss/validation"
    /// The rank of the pictures' last color.
    private static let scaleTag = "Ranks/last_color"

    /// - Parameters:
    ///   - run: the run folder.
    ///   - settings: shown as the run's hyperparameters.
    package init(run: URL, settings: [String: String]) {
        folder = Self.folder(of: run)
        self.settings = settings
    }

    /// Whether a run has such a log already.
    package static func exists(in run: URL) -> Bool {
        FileManager.default.fileExists(atPath: folder(of: run).path)
    }

    private static func folder(of run: URL) -> URL { RunFolder(run).tensorBoard }

    package func append(_ event: TrainingEvent) throws {
        switch event {
        case .started(let start, let isEvaluationDue):
            try begin(start, isEvaluationDue: isEvaluationDue)
        case .step(let record): try add(record.step, scalars(record))
        case .allocation(let record): try add(record.step, summaries(record))
        case .triplets(let snapshot):
            // The last allocation and the end of a run may be one step.
            if snapshot.step == lastTripletStep { break }
            // Where matrices start with ranks of their own, the first picture has the greatest.
            if lastTripletStep < 0 { largestRank = max(largestRank, snapshot.ranks.max() ?? 0) }
            lastTripletStep = snapshot.step
            try add(snapshot.step, summaries(snapshot))
        case .evaluation(let record):
            let metrics = record.metrics.compactMap { metric in
                metric.value.map { (name: "Metric/\(metric.name)", value: $0) }
            }
            try add(
                record.step,
                [.scalar(Self.validationTag, record.loss)] + metrics.map { .scalar($0.name, $0.value) })
        case .finished(let end) where end.reason != .interrupted:
            try add(end.step, [.sessionEnd(seconds: Date().timeIntervalSince1970)])
        case .compaction, .checkpoint, .warning, .finished: break
        }
    }

    private func begin(_ start: RunRecord.Start, isEvaluationDue: Bool) throws {
        sites = start.sites
        towers = start.towerBudgets.map(\.tower)
        let isNew = start.completedSteps == 0
        largestRank = Self.startingRank(start)
        file = try EventFolder(
            folder,
            keeping: isNew ? nil : { [self] in goesOn(after: $0, start, isEvaluationDue: isEvaluationDue) })
        if isNew { try add(0, [.sessionStart(settings, seconds: Date().timeIntervalSince1970)]) }
    }

    /// Whether a resumed run does not do again what an event tells; notes the last snapshot and the rank
    /// that the pictures' colors end at.
    private func goesOn(
        after event: EventMessage, _ start: RunRecord.Start, isEvaluationDue: Bool
    ) -> Bool {
        let values = event.values
        let isAgain =
            event.step == start.completedSteps && isEvaluationDue
            && values.contains { $0.tag == Self.validationTag }
        guard event.step <= start.completedSteps, !isAgain else { return false }
        for value in values where value.tag == Self.scaleTag {
            largestRank = Int(value.scalar)
            lastTripletStep = Int(event.step)
        }
        return true
    }

    /// The mean rank that the first budget pays for.
    private static func startingRank(_ start: RunRecord.Start) -> Int {
        let cost =
            start.budgetUnit == .triplets
            ? start.sites.count : start.sites.reduce(0) { $0 + $1.tripletParameters }
        return cost > 0 ? max(1, (start.initialBudget + cost - 1) / cost) : 1
    }

    private func add(_ step: Int, _ values: [SummaryValue]) throws {
        if values.isEmpty { return }
        try file?.append(EventMessage(step: Int64(step), .summary(values)))
    }

    private func scalars(_ record: RunRecord.Step) -> [SummaryValue] {
        var values: [SummaryValue] = [
            .scalar("Loss/train", record.loss),
            .scalar("Training/learning_rate", record.learningRate),
            .scalar("Training/gradient_norm", record.gradientNorm),
            .scalar("Training/tokens_per_second", Double(record.tokens) / max(record.seconds, 1e-9)),
        ]
        if !sites.isEmpty {
            values += [
                .scalar("Loss/orthogonality", record.orthogonality),
                .scalar("Budget/total_rank", Double(record.rank)),
                .scalar("Budget/budget", Double(record.budget)),
            ]
        }
        return values
    }

    private func summaries(_ record: RunRecord.Allocation) -> [SummaryValue] {
        var values: [SummaryValue] = []
        if let threshold = record.worstKept {
            values.append(.scalar("Budget/mask_threshold", threshold))
        }
        for (tower, share) in zip(towers, record.towers) {
            values.append(.scalar("Budget/budget_\(tower)", Double(share.budget)))
        }
        for grid in RankGrid.towers(sites) {
            guard let tower = grid.tower else { continue }
            values.append(.scalar("Budget/total_rank_\(tower)", Double(grid.total(record.ranks))))
        }
        for (site, rank) in zip(sites, record.ranks) {
            values.append(.scalar("Ranknum/\(site.name)", Double(rank)))
        }
        return values
    }

    private func summaries(_ snapshot: TripletHistory.Snapshot) -> [SummaryValue] {
        let ranks = snapshot.ranks
        var values = zip(sites, snapshot.sites).compactMap { site, triplets in
            SummaryValue.histogram("SingularValues/\(site.name)", triplets.spectrum.values)
        }
        if !sites.isEmpty {
            for grid in RankGrid.towers(sites) {
                let rows = grid.layers.indices.map { grid.row($0).map { at in at.map { ranks[$0] } } }
                let picture = RankImage(
                    rows, layers: grid.layers.map { "\($0)" }, roles: grid.roles.map(RankGrid.shortName),
                    largest: largestRank)
                values.append(
                    .image("Ranks/\(grid.tower.map { $0 + "_" } ?? "")layers_by_roles", picture))
            }
            values.append(.scalar(Self.scaleTag, Double(largestRank)))
        }
        return values
    }
}
