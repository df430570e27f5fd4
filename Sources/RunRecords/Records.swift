import RankAllocation

/// The records of a run, as its event log holds them.
extension RunRecord {
    /// One adapted matrix [outputs, inputs].
    public struct Site: Sendable, Equatable {
        /// For example `layer.3.query`. As in the file: not yet fit for a terminal.
        public let name: String
        public let layer: Int
        public let role: String
        public let outputs: Int
        public let inputs: Int

        package init(name: String, layer: Int, role: String, outputs: Int, inputs: Int) {
            self.name = name
            self.layer = layer
            self.role = role
            self.outputs = outputs
            self.inputs = inputs
        }

        /// Parameters of one triplet: a column of P, a row of Q, and λ.
        public var tripletParameters: Int {
            TripletCost.parameters(outputs: outputs, inputs: inputs, hasLambda: true)
        }
        /// The same without λ, as LoRA's.
        public var pairParameters: Int {
            TripletCost.parameters(outputs: outputs, inputs: inputs, hasLambda: false)
        }
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
        /// `prune` or `exchange`; nil for methods that allocate nothing, and for older runs
        public let allocator: String?
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

        package init(
            method: String, totalSteps: Int, stepsPerEpoch: Int, completedSteps: Int, trainExamples: Int,
            validationExamples: Int, labels: [String], sites: [Site], allocator: String?,
            budgetUnit: BudgetUnit, initialBudget: Int, finalBudget: Int, warmupSteps: Int,
            finalSteps: Int, trainableParameters: Int, frozenParameters: Int, threads: Int, kernel: String,
            date: String?, environment: [Fact], hashes: [Fact]
        ) {
            self.method = method
            self.totalSteps = totalSteps
            self.stepsPerEpoch = stepsPerEpoch
            self.completedSteps = completedSteps
            self.trainExamples = trainExamples
            self.validationExamples = validationExamples
            self.labels = labels
            self.sites = sites
            self.allocator = allocator
            self.budgetUnit = budgetUnit
            self.initialBudget = initialBudget
            self.finalBudget = finalBudget
            self.warmupSteps = warmupSteps
            self.finalSteps = finalSteps
            self.trainableParameters = trainableParameters
            self.frozenParameters = frozenParameters
            self.threads = threads
            self.kernel = kernel
            self.date = date
            self.environment = environment
            self.hashes = hashes
        }
    }

    public struct Fact: Sendable, Equatable {
        public let name: String
        public let value: String

        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
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

        package init(
            step: Int, epoch: Double, phase: String, loss: Double, orthogonality: Double,
            gradientNorm: Double, learningRate: Double, budget: Int, rank: Int, tokens: Int, seconds: Double
        ) {
            self.step = step
            self.epoch = epoch
            self.phase = phase
            self.loss = loss
            self.orthogonality = orthogonality
            self.gradientNorm = gradientNorm
            self.learningRate = learningRate
            self.budget = budget
            self.rank = rank
            self.tokens = tokens
            self.seconds = seconds
        }
    }

    public struct Allocation: Sendable, Equatable {
        public let step: Int
        /// In `Start.budgetUnit`, as `spent`.
        public let budget: Int
        /// What the kept triplets cost. Computed from the ranks for older runs, which do not say.
        public let spent: Int
        /// In the order of `Start.sites`.
        public let ranks: [Int]
        /// Score of the worst kept triplet: what it took to stay.
        public let worstKept: Double?
        public let bestPruned: Double?
        /// Triplets that came back or left since the allocation before.
        public let returned: Int
        public let left: Int
        /// New triplets that the exchange allocator made; 0 for the others and for older runs.
        public let added: Int

        package init(
            step: Int, budget: Int, spent: Int, ranks: [Int], worstKept: Double?,
            bestPruned: Double?, returned: Int, left: Int, added: Int
        ) {
            self.step = step
            self.budget = budget
            self.spent = spent
            self.ranks = ranks
            self.worstKept = worstKept
            self.bestPruned = bestPruned
            self.returned = returned
            self.left = left
            self.added = added
        }

        /// What the budget leaves unspent; less than 0 when more is spent.
        public var slack: Int { budget - spent }
    }

    public struct Compaction: Sendable, Equatable {
        public let step: Int
        public let ranks: [Int]
        public let parametersBefore: Int
        public let parametersAfter: Int

        package init(step: Int, ranks: [Int], parametersBefore: Int, parametersAfter: Int) {
            self.step = step
            self.ranks = ranks
            self.parametersBefore = parametersBefore
            self.parametersAfter = parametersAfter
        }
    }

    public struct Metric: Sendable, Equatable {
        public let name: String
        /// nil where the metric is undefined.
        public let value: Double?

        package init(name: String, value: Double?) {
            self.name = name
            self.value = value
        }
    }

    public struct Evaluation: Sendable, Equatable {
        public let step: Int
        public let loss: Double
        public let metrics: [Metric]
        public let isBest: Bool
        public let seconds: Double

        package init(step: Int, loss: Double, metrics: [Metric], isBest: Bool, seconds: Double) {
            self.step = step
            self.loss = loss
            self.metrics = metrics
            self.isBest = isBest
            self.seconds = seconds
        }
    }

    public struct Checkpoint: Sendable, Equatable {
        public let step: Int
        public let folder: String

        package init(step: Int, folder: String) {
            self.step = step
            self.folder = folder
        }
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

        package init(
            reason: Reason, step: Int, bestStep: Int?, ranks: [Int], trainableParameters: Int, tokens: Int,
            seconds: Double, peakMemoryBytes: Int
        ) {
            self.reason = reason
            self.step = step
            self.bestStep = bestStep
            self.ranks = ranks
            self.trainableParameters = trainableParameters
            self.tokens = tokens
            self.seconds = seconds
            self.peakMemoryBytes = peakMemoryBytes
        }
    }

    /// The rank of each site after a step, in the order of `Start.sites`.
    public struct RankTable: Sendable, Equatable {
        public let step: Int
        public let ranks: [Int]

        package init(step: Int, ranks: [Int]) {
            self.step = step
            self.ranks = ranks
        }

        public var total: Int { ranks.reduce(0, +) }
    }
}
