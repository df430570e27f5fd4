import Foundation

/// What a run folder's `events.jsonl` and `ranks.csv` say, read once and checked.
///
/// The folder may belong to a run that is still going, was killed, or was resumed. A resumed run continues after
/// its checkpoint: records of later steps from before are dropped, and `notes` says so.
public struct RunRecord: Sendable {
    /// One adapted matrix [outputs, inputs].
    public struct Site: Sendable, Equatable {
        /// For example `layer.3.query`. As in the file: not yet fit for a terminal.
        public let name: String
        public let layer: Int
        public let role: String
        public let outputs: Int
        public let inputs: Int

        /// Parameters of one triplet: a column of P, a row of Q, and λ.
        public var tripletParameters: Int { outputs + inputs + 1 }
    }

    /// What a budget counts.
    public enum BudgetUnit: String, Sendable {
        case triplets
        case parameters
    }

    public struct Start: Sendable, Equatable {
        public let method: String
        public let totalSteps: Int
        public let stepsPerEpoch: Int
        /// The step a resumed run continues after, 0 for a new one.
        public let completedSteps: Int
        public let trainExamples: Int
        public let validationExamples: Int
        public let labels: [String]
        /// Empty for a method without adapters.
        public let sites: [Site]
        /// Of the budgets here, in steps and in allocations. Older runs do not say: theirs are triplets.
        public let budgetUnit: BudgetUnit
        public let initialBudget: Int
        public let finalBudget: Int
        public let warmupSteps: Int
        public let finalSteps: Int
        public let trainableParameters: Int
        public let frozenParameters: Int
        public let threads: Int
        public let kernel: String
        /// When it began, as the run wrote it; nil for older runs.
        public let date: String?
        /// Program, commit, CPU, libraries; empty for older runs.
        public let environment: [Fact]
        /// Of the model and the data files; empty for older runs.
        public let hashes: [Fact]
    }

    public struct Fact: Sendable, Equatable {
        public let name: String
        public let value: String
    }

    /// Losses and norms are NaN where training diverged: the log has null there.
    public struct Step: Sendable, Equatable {
        public let step: Int
        public let epoch: Double
        /// `warmup`, `budgeting` or `final`.
        public let phase: String
        public let loss: Double
        public let orthogonality: Double
        public let gradientNorm: Double
        public let learningRate: Double
        /// In `Start.budgetUnit`.
        public let budget: Int
        public let rank: Int
        public let tokens: Int
        public let seconds: Double
    }

    public struct Allocation: Sendable, Equatable {
        public let step: Int
        /// In `Start.budgetUnit`, as `spent`.
        public let budget: Int
        /// What the kept triplets cost. Computed from the ranks for older runs, which do not say.
        public let spent: Int
        /// In the order of `Start.sites`.
        public let ranks: [Int]
        public let threshold: Double?
        public let worstKept: Double?
        public let bestPruned: Double?
        /// Triplets that came back or left since the allocation before.
        public let returned: Int
        public let left: Int
        /// New triplets that the exchange allocator made; 0 for the others and for older runs.
        public let added: Int

        /// What the budget leaves unspent; less than 0 when more is spent.
        public var slack: Int { budget - spent }
    }

    public struct Compaction: Sendable, Equatable {
        public let step: Int
        public let ranks: [Int]
        public let parametersBefore: Int
        public let parametersAfter: Int
    }

    public struct Metric: Sendable, Equatable {
        public let name: String
        /// nil where the metric is undefined.
        public let value: Double?
    }

    public struct Evaluation: Sendable, Equatable {
        public let step: Int
        public let loss: Double
        public let metrics: [Metric]
        public let isBest: Bool
        public let seconds: Double
    }

    public struct Checkpoint: Sendable, Equatable {
        public let step: Int
        public let folder: String
    }

    public struct End: Sendable, Equatable {
        public enum Reason: String, Sendable {
            case completed
            case stoppedEarly = "stopped-early"
            case interrupted
        }
        public let reason: Reason
        public let step: Int
        public let bestStep: Int?
        public let ranks: [Int]
        public let trainableParameters: Int
        public let tokens: Int
        public let seconds: Double
        public let peakMemoryBytes: Int
    }

    /// The rank of each site after a step, in the order of `Start.sites`.
    public struct RankTable: Sendable, Equatable {
        public let step: Int
        public let ranks: [Int]

        public var total: Int { ranks.reduce(0, +) }
    }

    public let folder: URL
    /// How the run began.
    public let start: Start
    /// The steps after which it was resumed.
    public let resumedAfter: [Int]
    public let steps: [Step]
    public let allocations: [Allocation]
    public let compactions: [Compaction]
    public let evaluations: [Evaluation]
    public let checkpoints: [Checkpoint]
    /// The trainer's own warnings.
    public let warnings: [String]
    /// nil while the run is in progress, and when it was killed.
    public let end: End?
    /// The tables of `ranks.csv` by step; empty for a method without adapters.
    public let rankTables: [RankTable]
    /// What the reader left out: torn last lines, records that a resumed run replaced.
    public let notes: [String]

    /// Reads a run folder. Throws `ReportError` when it is not one, or a file in it is damaged anywhere but in a
    /// torn last line.
    public init(folder: URL) throws(any Error) {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: folder.path, isDirectory: &isFolder) else {
            throw ReportError(
                kind: .missing, place: folder.path, problem: "there is no such folder",
                advice: "give the folder that 'adalora train' wrote")
        }
        guard isFolder.boolValue else {
            throw ReportError(
                place: folder.path, problem: "this is a file, not a run folder",
                advice: "give the folder that 'adalora train' wrote")
        }
        var reader = EventReader(file: folder.appendingPathComponent("events.jsonl"))
        try reader.read()
        guard let start = reader.starts.first else {
            throw ReportError(
                place: reader.file.path, problem: "no start record: the run has not begun or the log was cut",
                advice: "wait for the run's first step, or give another folder")
        }
        var ranks = RankFileReader(
            file: folder.appendingPathComponent("ranks.csv"), sites: start.sites,
            wasResumed: reader.starts.count > 1)
        try ranks.read()
        self.init(
            folder: folder, start: start, reader: reader, tables: ranks.tables, notes: reader.notes + ranks.notes)
    }

    init(folder: URL, start: Start, reader: EventReader, tables: [RankTable], notes: [String]) {
        self.folder = folder
        self.start = start
        resumedAfter = reader.starts.dropFirst().map(\.completedSteps)
        steps = reader.steps
        allocations = reader.allocations
        compactions = reader.compactions
        evaluations = reader.evaluations
        checkpoints = reader.checkpoints
        warnings = reader.warnings
        end = reader.end
        rankTables = tables
        self.notes = notes
    }
}

extension RunRecord {
    /// The last step that any record speaks of.
    public var lastStep: Int {
        max(
            start.completedSteps, steps.last?.step ?? 0, allocations.last?.step ?? 0,
            max(rankTables.last?.step ?? 0, end?.step ?? 0))
    }

    /// The first phase boundary: budgeting happens in `warmupSteps < t <= finalStart`.
    package var finalStart: Int { max(start.totalSteps - start.finalSteps, 0) }

    /// Throws `ReportError` when the run has no ranks to report.
    public func checkHasRanks() throws(any Error) {
        guard rankTables.isEmpty else { return }
        guard start.sites.isEmpty else {
            throw ReportError(
                kind: .missing, place: folder.appendingPathComponent("ranks.csv").path,
                problem: "no ranks are recorded yet",
                advice: "wait for the run's first step, or restore the file")
        }
        throw ReportError(
            kind: .notRecorded, place: folder.path,
            problem: "the method '\(start.method)' has no adapters, so there are no ranks",
            advice: "give the folder of a run with adapters, such as adalora")
    }

    /// The last table at or before `step`; the last of all for nil. Throws `ReportError` for a step outside the
    /// run, naming the nearest recorded ones.
    public func rankTable(at step: Int?) throws(any Error) -> RankTable {
        try checkHasRanks()
        guard let step else { return rankTables[rankTables.count - 1] }
        let after = rankTables.firstIndex { $0.step > step } ?? rankTables.count
        guard after > 0, step <= lastStep else {
            let near = after == 0 ? rankTables.prefix(2) : rankTables.suffix(2)
            let names = near.map { "\($0.step)" }.joined(separator: " and ")
            throw ReportError(
                kind: .notRecorded, place: folder.path,
                problem:
                    "step \(step) is not recorded, the run's steps are \(rankTables[0].step) to \(lastStep)",
                advice: near.count == 1
                    ? "the only recorded step is \(names)" : "the nearest recorded steps are \(names)")
        }
        return rankTables[after - 1]
    }

    /// The allocation whose ranks hold after `step`; nil before the first, and for methods of fixed rank.
    public func allocation(at step: Int) -> Allocation? { allocations.last { $0.step <= step } }
}
