import RankAllocation

/// The records of a run, as its event log holds them.
extension RunRecord {
    /// One adapted matrix [outputs, inputs].
    package struct Site: Sendable, Equatable {
        /// For example `layer.3.query`. As in the file: not yet fit for a terminal.
        package let name: String
        /// `text` or `vision` of a model of two towers, whose names begin with it; nil in a model of one.
        package let tower: String?
        /// Counted in each tower from 0
        package let layer: Int
        package let role: String
        package let outputs: Int
        package let inputs: Int
        /// nil for older runs
        package let trained: Trained?

        /// What trains of it
        package struct Trained: Sendable, Equatable {
            /// Numbers of each rank
            package let perRank: Int
            /// Numbers whatever its rank: a magnitude
            package let beside: Int

            package init(perRank: Int, beside: Int) { (self.perRank, self.beside) = (perRank, beside) }
        }

        package init(
            name: String, tower: String? = nil, layer: Int, role: String, outputs: Int, inputs: Int,
            trained: Trained? = nil
        ) {
            self.name = name
            self.tower = tower
            self.layer = layer
            self.role = role
            self.outputs = outputs
            self.inputs = inputs
            self.trained = trained
        }

        /// The same without what trains, of which older runs say nothing.
        var matrix: Site {
            Site(name: name, tower: tower, layer: layer, role: role, outputs: outputs, inputs: inputs)
        }

        /// What trains of it at a rank; nil for older runs, of which the method tells.
        package func parameters(rank: Int) -> Int? { trained.map { rank * $0.perRank + $0.beside } }

        /// Parameters of one triplet: a column of P, a row of Q, and λ, as far as they train.
        package var tripletParameters: Int {
            trained?.perRank ?? TripletCost.parameters(outputs: outputs, inputs: inputs, hasLambda: true)
        }
        /// The same without λ, as LoRA's.
        package var pairParameters: Int {
            TripletCost.parameters(outputs: outputs, inputs: inputs, hasLambda: false)
        }
    }

    /// What is trained beside the matrices.
    package struct Part: Sendable, Equatable {
        /// `bottleneck adapter`
        package let kind: String
        /// `pfeiffer, width 24`
        package let summary: String
        /// nil for what stands before all layers.
        package let layer: Int?
        package let parameters: Int

        package init(kind: String, summary: String, layer: Int?, parameters: Int) {
            self.kind = kind
            self.summary = summary
            self.layer = layer
            self.parameters = parameters
        }
    }

    /// The budget of one tower, in `Start.budgetUnit`.
    package struct TowerBudget: Sendable, Equatable {
        package let tower: String
        package let initial: Int
        package let final: Int

        package init(tower: String, initial: Int, final: Int) {
            self.tower = tower
            self.initial = initial
            self.final = final
        }
    }

    package struct Start: Sendable, Equatable {
        package let method: String
        package let totalSteps: Int
        package let stepsPerEpoch: Int
        /// The step a resumed run continues after, 0 for a new one.
        package let completedSteps: Int
        package let trainExamples: Int
        package let validationExamples: Int
        package let labels: [String]
        /// Empty for a method without adapters.
        package let sites: [Site]
        /// Empty for methods that train matrices, or the head alone.
        package let parts: [Part]
        /// `prune` or `exchange`; nil for methods that allocate nothing, and for older runs
        package let allocator: String?
        /// Of the budgets here, in steps and in allocations. Older runs do not say: theirs are triplets.
        package let budgetUnit: BudgetUnit
        package let initialBudget: Int
        package let finalBudget: Int
        /// Where each tower has a budget of its own, of which the two above are sums; empty where one is over all.
        package let towerBudgets: [TowerBudget]
        package let warmupSteps: Int
        package let finalSteps: Int
        package let trainableParameters: Int
        package let frozenParameters: Int
        package let threads: Int
        /// The share of a step's tokens that its rows begin with alike, computed once; nil where there are none, and for
        /// older runs
        package let sharedPrefix: Double?
        package let kernel: String
        /// Of products with frozen weights, `float32` or `bf16`; nil for older runs, whose products were Float32.
        package let precision: String?
        /// When it began, as the run wrote it; nil for older runs.
        package let date: String?
        /// Program, commit, CPU, libraries; empty for older runs.
        package let environment: [Fact]
        /// Of the model and the data files; empty for older runs.
        package let hashes: [Fact]

        package init(
            method: String, totalSteps: Int, stepsPerEpoch: Int, completedSteps: Int, trainExamples: Int,
            validationExamples: Int, labels: [String], sites: [Site], parts: [Part] = [],
            allocator: String?,
            budgetUnit: BudgetUnit, initialBudget: Int, finalBudget: Int, towerBudgets: [TowerBudget] = [],
            warmupSteps: Int, finalSteps: Int, trainableParameters: Int, frozenParameters: Int, threads: Int,
            sharedPrefix: Double? = nil, kernel: String, precision: String?, date: String?,
            environment: [Fact], hashes: [Fact]
        ) {
            self.method = method
            self.totalSteps = totalSteps
            self.stepsPerEpoch = stepsPerEpoch
            self.completedSteps = completedSteps
            self.trainExamples = trainExamples
            self.validationExamples = validationExamples
            self.labels = labels
            self.sites = sites
            self.parts = parts
            self.allocator = allocator
            self.budgetUnit = budgetUnit
            self.initialBudget = initialBudget
            self.finalBudget = finalBudget
            self.towerBudgets = towerBudgets
            self.warmupSteps = warmupSteps
            self.finalSteps = finalSteps
            self.trainableParameters = trainableParameters
            self.frozenParameters = frozenParameters
            self.threads = threads
            self.sharedPrefix = sharedPrefix
            self.kernel = kernel
            self.precision = precision
            self.date = date
            self.environment = environment
            self.hashes = hashes
        }
    }

    package struct Fact: Sendable, Equatable {
        package let name: String
        package let value: String

        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// Losses and norms are NaN where training diverged: the log has null there.
    package struct Step: Sendable, Equatable {
        package let step: Int
        package let epoch: Double
        /// `warmup`, `budgeting` or `final`.
        package let phase: String
        package let loss: Double
        package let orthogonality: Double
        package let gradientNorm: Double
        package let learningRate: Double
        /// In `Start.budgetUnit`.
        package let budget: Int
        package let rank: Int
        package let tokens: Int
        package let seconds: Double

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

    package struct Allocation: Sendable, Equatable {
        package let step: Int
        /// In `Start.budgetUnit`, as `spent`.
        package let budget: Int
        /// What the kept triplets cost. Computed from the ranks for older runs, which do not say.
        package let spent: Int
        /// The same of each tower, in the order of `Start.towerBudgets`.
        package let towers: [TowerShare]
        /// In the order of `Start.sites`.
        package let ranks: [Int]
        /// Score of the worst kept triplet: what it took to stay.
        package let worstKept: Double?
        package let bestPruned: Double?
        /// Triplets that came back or left since the allocation before.
        package let returned: Int
        package let left: Int
        /// New triplets that the exchange allocator made; 0 for the others and for older runs.
        package let added: Int

        /// What one tower may spend and what it does, in `Start.budgetUnit`.
        package struct TowerShare: Sendable, Equatable {
            package let budget: Int
            package let spent: Int

            package init(budget: Int, spent: Int) { (self.budget, self.spent) = (budget, spent) }
        }

        package init(
            step: Int, budget: Int, spent: Int, towers: [TowerShare] = [], ranks: [Int], worstKept: Double?,
            bestPruned: Double?, returned: Int, left: Int, added: Int
        ) {
            self.step = step
            self.budget = budget
            self.spent = spent
            self.towers = towers
            self.ranks = ranks
            self.worstKept = worstKept
            self.bestPruned = bestPruned
            self.returned = returned
            self.left = left
            self.added = added
        }

        /// What the budget leaves unspent; less than 0 when more is spent.
        package var slack: Int { budget - spent }
    }

    package struct Compaction: Sendable, Equatable {
        package let step: Int
        package let ranks: [Int]
        package let parametersBefore: Int
        package let parametersAfter: Int

        package init(step: Int, ranks: [Int], parametersBefore: Int, parametersAfter: Int) {
            self.step = step
            self.ranks = ranks
            self.parametersBefore = parametersBefore
            self.parametersAfter = parametersAfter
        }
    }

    package struct Metric: Sendable, Equatable {
        package let name: String
        /// nil where the metric is undefined.
        package let value: Double?

        package init(name: String, value: Double?) {
            self.name = name
            self.value = value
        }
    }

    package struct Evaluation: Sendable, Equatable {
        package let step: Int
        package let loss: Double
        package let metrics: [Metric]
        package let isBest: Bool
        package let seconds: Double

        package init(step: Int, loss: Double, metrics: [Metric], isBest: Bool, seconds: Double) {
            self.step = step
            self.loss = loss
            self.metrics = metrics
            self.isBest = isBest
            self.seconds = seconds
        }
    }

    package struct Checkpoint: Sendable, Equatable {
        package let step: Int
        package let folder: String

        package init(step: Int, folder: String) {
            self.step = step
            self.folder = folder
        }
    }

    package struct End: Sendable, Equatable {
        package enum Reason: String, Sendable {
            case completed
            case stoppedEarly = "stopped-early"
            case interrupted
        }
        package let reason: Reason
        package let step: Int
        package let bestStep: Int?
        package let ranks: [Int]
        package let trainableParameters: Int
        package let tokens: Int
        package let seconds: Double
        package let peakMemoryBytes: Int

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
    package struct RankTable: Sendable, Equatable {
        package let step: Int
        package let ranks: [Int]

        package init(step: Int, ranks: [Int]) {
            self.step = step
            self.ranks = ranks
        }

        package var total: Int { ranks.reduce(0, +) }
    }
}
