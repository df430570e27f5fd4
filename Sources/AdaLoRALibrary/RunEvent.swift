import Foundation
import RunRecords

/// What a run tells as it goes, in this order: notes and warnings, ``started(_:)``, then steps with what happens after them, and
/// ``finished(_:)`` last. Later versions may tell more: give a `switch` a `default`.
public enum RunEvent: Sendable {
    /// What was chosen by model and rows, and how rows were held out. One line for a person.
    case note(String)
    /// What a person should look at: rows that were cut, settings without effect, few steps. One line.
    case warning(String)
    /// All is read and checked, and the first step begins.
    case started(Start)
    /// The parameters were updated.
    case step(Step)
    /// Ranks moved. Comes before the event of its step.
    case allocation(Allocation)
    /// The validation rows were measured: after each epoch, unless the setting `evaluate-every` says otherwise.
    case evaluation(Evaluation)
    /// Pruned triplets that can never return were cut out, after the last allocation.
    case compaction(step: Int, parametersBefore: Int, parametersAfter: Int)
    /// The state was saved, from which ``TrainingRun/init(resuming:ignoresMemory:)`` goes on.
    case checkpoint(step: Int, folder: URL)
    /// The run is over, and its folder is complete.
    case finished(End)

    /// When ranks move in a run with a budget
    public enum Phase: String, Sendable {
        /// Not yet: importance is learned with all triplets.
        case warmup
        /// The budget falls, and triplets are pruned.
        case budgeting
        /// Ranks stay as they are.
        case final
        /// The method has no budget.
        case fixed
    }

    /// What is to be trained.
    public struct Start: Sendable, Equatable {
        /// `adalora`, `lora` …
        public let method: String
        /// Updates of the whole run
        public let totalSteps: Int
        /// Updates in a pass over the training rows
        public let stepsPerEpoch: Int
        /// After which step a resumed run goes on; 0 for a new one
        public let completedSteps: Int
        /// Sequences to learn from
        public let trainRows: Int
        /// Rows to be judged by; 0 without
        public let validationRows: Int
        /// In the order of the head's outputs; empty where these are no labels
        public let labels: [String]
        /// Before the first step
        public let ranks: Ranks
        /// What ``initialBudget`` and the other budgets of the run count
        public let budgetUnit: BudgetUnit
        /// Of the first steps
        public let initialBudget: Int
        /// Of the last steps
        public let finalBudget: Int
        /// Of adapters and head
        public let trainableParameters: Int
        /// Of the model, as they stay
        public let frozenParameters: Int
    }

    /// What a budget counts.
    public enum BudgetUnit: String, Sendable {
        /// A column of P, an entry of Λ and a row of Q, whatever the matrix
        case triplets
        /// O + I + 1 for each triplet of an [O, I] matrix
        case parameters
    }

    /// An update.
    public struct Step: Sendable, Equatable {
        /// From 1
        public let number: Int
        /// Passes over the training rows so far
        public let epoch: Double
        /// Whether ranks move
        public let phase: Phase
        /// The task's mean over the rows of the step, or over their labelled tokens
        public let loss: Double
        /// What the method adds to the loss, weighted: how far P and Q are from orthonormal
        public let orthogonality: Double
        /// Of all trainable parameters together, before clipping
        public let gradientNorm: Double
        /// Of this update, without the head's
        public let learningRate: Double
        /// In ``Start/budgetUnit``
        public let budget: Int
        /// After the step
        public let ranks: Ranks
        /// Read in the step
        public let tokens: Int
        /// Of the step alone
        public let seconds: Double
    }

    /// A new choice of triplets.
    public struct Allocation: Sendable, Equatable {
        /// At which it was made
        public let step: Int
        /// In ``Start/budgetUnit``, as ``spent``
        public let budget: Int
        /// What the chosen triplets cost
        public let spent: Int
        /// As chosen
        public let ranks: Ranks
        /// Pruned triplets that came back since the allocation before
        public let returned: Int
        /// Triplets that were pruned since
        public let left: Int
        /// New triplets, of the allocator that exchanges them; 0 of the others
        public let added: Int
    }

    /// What the validation rows say.
    public struct Evaluation: Sendable, Equatable {
        /// 0 before the first
        public let step: Int
        /// The task's, without ``Step/orthogonality``
        public let loss: Double
        /// By their names (`accuracy`, `pearson`, `perplexity` …), without those that are undefined for these rows
        public let metrics: [String: Double]
        /// The best so far, whose adapter is kept
        public let isBest: Bool
        /// That it took
        public let seconds: Double
    }

    /// How a run ended.
    public struct End: Sendable, Equatable {
        /// Why a run ends.
        public enum Reason: String, Sendable {
            /// All steps are taken.
            case completed
            /// By the setting `early-stopping`
            case stoppedEarly = "stopped-early"
            /// `shouldStop` said so, or nobody listens any more; the state is saved.
            case interrupted
        }

        /// Why it ended
        public let reason: Reason
        /// The last one
        public let step: Int
        /// Whose adapter was kept as the best; nil without validation rows
        public let bestStep: Int?
        /// As they are in the adapter of the last step
        public let ranks: Ranks
        /// Of the adapters alive and the head
        public let trainableParameters: Int
        /// Read in training
        public let tokens: Int
        /// Of all sittings
        public let seconds: Double
        /// Of the process, at its peak; 0 where the system does not tell.
        public let peakMemoryBytes: Int
    }
}

/// Makes a run's records the library's events.
struct EventTranslation {
    let sites: [RunRecord.Site]
    /// As they are after the last event
    var ranks: Ranks

    init(_ sites: [RunRecord.Site], _ ranks: [Int]) {
        self.sites = sites
        self.ranks = Ranks(sites, ranks)
    }

    /// nil for what the run's folder alone needs.
    mutating func event(_ event: TrainingEvent, in folder: RunFolder) -> RunEvent? {
        switch event {
        case .started(let start, _): return .started(self.start(start))
        case .step(let step): return .step(self.step(step))
        case .allocation(let allocation):
            ranks = Ranks(sites, allocation.ranks)
            return .allocation(
                .init(
                    step: allocation.step, budget: allocation.budget, spent: allocation.spent, ranks: ranks,
                    returned: allocation.returned, left: allocation.left, added: allocation.added))
        case .triplets: return nil
        case .compaction(let compaction):
            return .compaction(
                step: compaction.step, parametersBefore: compaction.parametersBefore,
                parametersAfter: compaction.parametersAfter)
        case .evaluation(let evaluation):
            let defined = evaluation.metrics.compactMap { metric in metric.value.map { (metric.name, $0) } }
            return .evaluation(
                .init(
                    step: evaluation.step, loss: evaluation.loss,
                    metrics: Dictionary(defined) { first, _ in first }, isBest: evaluation.isBest,
                    seconds: evaluation.seconds))
        case .checkpoint(let checkpoint):
            return .checkpoint(step: checkpoint.step, folder: folder.checkpoint(step: checkpoint.step))
        case .warning(let text): return .warning(text)
        case .finished(let end): return .finished(self.end(end))
        }
    }

    private func start(_ start: RunRecord.Start) -> RunEvent.Start {
        RunEvent.Start(
            method: start.method, totalSteps: start.totalSteps, stepsPerEpoch: start.stepsPerEpoch,
            completedSteps: start.completedSteps, trainRows: start.trainExamples,
            validationRows: start.validationExamples, labels: start.labels, ranks: ranks,
            budgetUnit: start.budgetUnit == .triplets ? .triplets : .parameters,
            initialBudget: start.initialBudget, finalBudget: start.finalBudget,
            trainableParameters: start.trainableParameters, frozenParameters: start.frozenParameters)
    }

    private func step(_ step: RunRecord.Step) -> RunEvent.Step {
        RunEvent.Step(
            number: step.step, epoch: step.epoch, phase: RunEvent.Phase(rawValue: step.phase) ?? .fixed,
            loss: step.loss, orthogonality: step.orthogonality, gradientNorm: step.gradientNorm,
            learningRate: step.learningRate, budget: step.budget, ranks: ranks, tokens: step.tokens,
            seconds: step.seconds)
    }

    func end(_ end: RunRecord.End) -> RunEvent.End {
        let reason: RunEvent.End.Reason =
            switch end.reason {
            case .completed: .completed
            case .stoppedEarly: .stoppedEarly
            case .interrupted: .interrupted
            }
        return RunEvent.End(
            reason: reason, step: end.step, bestStep: end.bestStep, ranks: Ranks(sites, end.ranks),
            trainableParameters: end.trainableParameters, tokens: end.tokens, seconds: end.seconds,
            peakMemoryBytes: end.peakMemoryBytes)
    }
}
