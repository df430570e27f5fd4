import Adapters
import RankAllocation
import Transformers

/// What the trainer tells its one listener. `events.jsonl` holds the same records, a line each.
public enum TrainingEvent: Sendable {
    case started(RunStart)
    case step(StepRecord)
    case allocation(AllocationRecord)
    /// All triplets of each site, in the order of `RunStart.sites`, after a step; a line of `triplets.jsonl`.
    case triplets(step: Int, sites: [SiteSnapshot])
    case compaction(CompactionRecord)
    case evaluation(EvaluationRecord)
    case checkpoint(step: Int, folder: String)
    case warning(String)
    case finished(RunEnd)
}

/// The first record of a run.
public struct RunStart: Sendable {
    public let method: String
    public let totalSteps: Int
    public let stepsPerEpoch: Int
    /// The step a resumed run continues after, 0 for a new one.
    public let completedSteps: Int
    /// Whether the run was stopped between that step and its evaluation, which comes first then.
    public let isEvaluationDue: Bool
    public let trainExamples: Int
    public let validationExamples: Int
    public let labels: [String]
    public let sites: [SiteDescription]
    /// `prune` or `exchange`; nil for methods that allocate nothing
    public let allocator: String?
    /// What budgets count
    public let budgetUnit: BudgetUnit
    public let initialBudget: Int
    public let finalBudget: Int
    public let warmupSteps: Int
    public let finalSteps: Int
    public let trainableParameters: Int
    public let frozenParameters: Int
    public let threads: Int
    public let kernel: String
    /// When it began, ISO 8601.
    public let date: String
    /// Where it runs, as the program told the session.
    public let environment: [(name: String, value: String)]
    /// Of the model's weights and the data files.
    public let hashes: [(name: String, hash: String)]
}

/// One adapted matrix [outputs, inputs].
public struct SiteDescription: Sendable, Equatable {
    public let site: LinearSite
    public let outputs: Int
    public let inputs: Int
}

public struct StepRecord: Sendable {
    public let step: Int
    public let epoch: Double
    public let phase: String
    /// Mean task loss of the step's examples, without the orthogonality term.
    public let loss: Double
    /// The weighted orthogonality term, 0 when there is none.
    public let orthogonality: Double
    /// Global norm before clipping.
    public let gradientNorm: Double
    public let learningRate: Double
    /// b(t), and the triplets alive after the step.
    public let budget: Int
    public let rank: Int
    public let tokens: Int
    public let seconds: Double
}

public struct AllocationRecord: Sendable {
    public let step: Int
    /// b(t) and what of it is in use, in the run's unit.
    public let budget: Int
    public let spent: Int
    /// Rank of each site, in the order of `RunStart.sites`.
    public let ranks: [Int]
    /// Score of the worst kept triplet: what it took to stay.
    public let threshold: Float?
    public let worstKept: Float?
    public let bestPruned: Float?
    /// Triplets that came back or left since the allocation before, and new ones.
    public let returned: Int
    public let left: Int
    public let added: Int
}

public struct CompactionRecord: Sendable {
    public let step: Int
    public let ranks: [Int]
    public let parametersBefore: Int
    public let parametersAfter: Int
}

public struct EvaluationRecord: Sendable {
    public let step: Int
    public let loss: Double
    /// Name and value; nil where the metric is undefined (constant predictions).
    public let metrics: [(name: String, value: Double?)]
    public let isBest: Bool
    public let seconds: Double
}

public struct RunEnd: Sendable {
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
