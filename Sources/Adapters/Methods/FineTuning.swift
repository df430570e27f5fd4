import Autodiff
import Matrices
import Messages
import RankAllocation
import Transformers

/// A fine-tuning method at work on a model. The trainer calls it in one visible order at every step: gradient →
/// `addPenalty` → clipping → `precondition` → `observe` → AdamW → `afterUpdate`; and asks it for what it alone knows.
///
/// What most methods have nothing to do for has a default.
package protocol FineTuning: AnyObject {
    /// In the model's order; empty for a method without adapters.
    var adapters: AdapterSet { get }
    /// The adapters as files hold them
    var result: AdapterSet { get }
    /// What it trains beside the head, in the order of the parameter vector.
    var groups: [ParameterGroup] { get }
    /// Weights of the model that train too, and are saved with the adapters.
    var changed: ChangedParts { get }
    /// What a person should know about what was put together.
    var warnings: [String] { get }
    /// When ranks move; nil for methods whose ranks stay.
    var rankPlan: RankPlan? { get }

    /// What moves the factors of its adapters in AdamW's place; nil where AdamW does.
    var balanced: BalancedSteps? { get }
    /// Whether `observe` wants the task's gradient alone, without penalty and clipping.
    var observesTaskGradient: Bool { get }
    /// Floats that it keeps of gradients from step to step, for estimates of memory
    var averages: Int { get }
    /// Floats that writing `result` takes beside one copy of what trains, for estimates of memory
    var copies: Int { get }
    /// Adds the gradient of its term in the loss to the flat `gradients` [1, N] and returns the weighted term.
    func addPenalty(in vector: ParameterVector, to gradients: Matrix) -> Double
    /// Changes the clipped gradients [1, N] that AdamW will see.
    func precondition(_ gradients: Matrix, in vector: ParameterVector, workers: Workers)
    /// Before the update of AdamW.
    func observe(_ update: MethodUpdate)
    /// After the update of AdamW.
    ///
    /// - Parameter probing: sends the step's examples through once more, forward and backward, on one core and without
    ///   dropout, for the sake of probes that hang on the layers.
    /// - Returns: what was allocated, where something was.
    /// - Throws: `Factorization.Failure` and `AllocationError` where the update left nothing finite.
    func afterUpdate(_ update: MethodUpdate, probing: () -> Void) throws -> AllocationOutcome?
    /// Cuts out what can never learn again; nil where there is nothing of the kind.
    func compact(_ vector: ParameterVector) -> Reshaped?

    /// All triplets as they are now.
    func snapshot(workers: Workers) throws -> [SiteSnapshot]
    /// Runs `body` on the model as it would be saved.
    func masked<Result>(_ body: () throws -> Result) rethrows -> Result

    /// What a checkpoint holds of it beside the parameters.
    var state: MethodState { get }
    /// Puts that back; parameters and moments follow.
    ///
    /// - Returns: the vector, where its shape became another one.
    /// - Throws: `StateMismatch`
    func restore(_ state: MethodState, in vector: ParameterVector) throws -> ParameterVector?
    /// Values of parameters were changed by another than AdamW: a checkpoint's were put in.
    func parametersChanged()
}

extension FineTuning {
    package var result: AdapterSet { adapters }
    package var changed: ChangedParts { .none }
    package var warnings: [String] { [] }
    package var rankPlan: RankPlan? { nil }
    package var balanced: BalancedSteps? { nil }
    package var observesTaskGradient: Bool { false }
    package var averages: Int { 0 }
    package var copies: Int { 0 }
    package func addPenalty(in vector: ParameterVector, to gradients: Matrix) -> Double { 0 }
    package func precondition(_ gradients: Matrix, in vector: ParameterVector, workers: Workers) {}
    package func observe(_ update: MethodUpdate) {}
    package func afterUpdate(_ update: MethodUpdate, probing: () -> Void) throws -> AllocationOutcome? { nil }
    package func compact(_ vector: ParameterVector) -> Reshaped? { nil }
    package func snapshot(workers: Workers) throws -> [SiteSnapshot] {
        try adapters.snapshot(workers: workers)
    }
    package func masked<Result>(_ body: () throws -> Result) rethrows -> Result { try body() }
    package var state: MethodState { MethodState(adapters) }
    package func restore(_ state: MethodState, in vector: ParameterVector) throws -> ParameterVector? {
        try state.checkFixed(adapters)
        return nil
    }
    package func parametersChanged() {}
}

/// Parameters that are next to each other in the vector and learn at one rate.
package struct ParameterGroup {
    package let parameters: [Parameter]
    /// Times the learning rate of the step
    package let rateFactor: Double

    package init(_ parameters: [Parameter], rateFactor: Double = 1) {
        self.parameters = parameters
        self.rateFactor = rateFactor
    }
}

/// The flat arrays of a run, which the trainer keeps and a method may reshape.
package protocol TrainedArrays: AnyObject {
    var vector: ParameterVector { get }
    /// AdamW's averages, laid out as the vector without what `FineTuning.balanced` moves, [1, N]
    var firstMoments: Matrix { get }
    var secondMoments: Matrix { get }
    /// Goes on with another vector; moments come along.
    func take(_ reshaped: Reshaped)
}

/// A new flat vector and, for each of its elements, the element of the old one it came from; below 0 for new ones.
package typealias Reshaped = (vector: ParameterVector, source: [Int])

/// What a method sees of a step.
package struct MethodUpdate {
    package let step: Int
    package let arrays: any TrainedArrays
    /// [1, N], as the method wants to observe them
    package let gradients: Matrix
    /// The learning rate of the step
    package let rate: Double
    /// The share of each weight that the optimizer takes off beside it
    package let decay: Double
    package let workers: Workers

    package init(
        step: Int, arrays: any TrainedArrays, gradients: Matrix, rate: Double, decay: Double, workers: Workers
    ) {
        self.step = step
        self.arrays = arrays
        self.gradients = gradients
        self.rate = rate
        self.decay = decay
        self.workers = workers
    }
}

/// How and when a method moves ranks.
package struct RankPlan: Sendable {
    package let schedule: BudgetSchedule
    /// Which of the adapters share a budget
    package let groups: SiteGroups
    package let unit: BudgetUnit
    /// `prune` or `exchange`
    package let allocator: String

    package init(
        schedule: BudgetSchedule, groups: SiteGroups = .whole, unit: BudgetUnit, allocator: String
    ) {
        self.schedule = schedule
        self.groups = groups
        self.unit = unit
        self.allocator = allocator
    }
}

/// What a checkpoint holds of a method beside parameters and AdamW's averages.
package struct MethodState: Sendable {
    /// Per site: which triplets are physically there.
    package var books: [TripletBook]
    /// Per site: which of them are alive.
    package var masks: [[Bool]]
    package var isCompacted: Bool
    /// Flat, under the names they have in the file
    package var tensors: [(name: String, values: SavedFloats)]

    package init(
        books: [TripletBook], masks: [[Bool]], isCompacted: Bool,
        tensors: [(name: String, values: SavedFloats)]
    ) {
        self.books = books
        self.masks = masks
        self.isCompacted = isCompacted
        self.tensors = tensors
    }

    init(_ set: AdapterSet, isCompacted: Bool = false, tensors: [(name: String, values: SavedFloats)] = []) {
        self.init(
            books: set.adapters.map(\.book), masks: set.adapters.map(\.mask), isCompacted: isCompacted,
            tensors: tensors)
    }

    /// Throws unless it may be the state of these adapters.
    func check(_ set: AdapterSet) throws {
        let sites = set.adapters
        guard masks.count == sites.count, books.count == sites.count else { throw StateMismatch(of: "sites") }
        for (site, saved) in zip(sites, books) {
            let largest = min(site.layer.outputs, site.layer.inputs)
            guard saved.originalIndices.count <= largest, saved.initialRank <= largest else {
                throw StateMismatch(of: "triplets")
            }
        }
        guard zip(books, masks).allSatisfy({ $0.originalIndices.count == $1.count }) else {
            throw StateMismatch(of: "masks")
        }
    }

    /// The same where ranks never change.
    func checkFixed(_ set: AdapterSet) throws {
        try check(set)
        guard zip(set.adapters, books).allSatisfy({ $0.factors.rank == $1.originalIndices.count }) else {
            throw StateMismatch(of: "triplets")
        }
        for (site, mask) in zip(set.adapters, masks) { site.mask = mask }
    }
}

/// What a method is put on, and with which settings.
package struct MethodStart {
    let settings: TuningSettings
    let backbone: any Backbone
    let totalSteps: Int
    let seed: UInt64
    /// A checkpoint will give shapes and values, so that no data need be looked at for them.
    let isResumed: Bool
    /// The adapter that the run goes on from, hung on the model
    let trained: AdapterSet?
    /// Whether the run's head reads the backbone's pooler, and so the row that the layers see first; and the matrix that gives words
    let readsPooler, readsOutput: Bool
    let workers: Workers
    /// Sends this many batches through the model, without adapters, and calls the body after each.
    let lookAtBatches: (Int, () throws -> Void) throws -> Void
    /// Reads the file of the settings' rank pattern: the rank of each of these layers.
    let readRanks: (String, [LinearLayer]) throws -> [LinearSite: Int]
    /// Tokens of a text with the special ones around it; of no text at least so many of the training rows, end to end, if they
    /// have them.
    let readTokens: (String?, Int) throws -> [Int32]

    package init(
        settings: TuningSettings, backbone: any Backbone, totalSteps: Int, seed: UInt64, isResumed: Bool,
        trained: AdapterSet?, headForm: HeadForm, workers: Workers,
        lookAtBatches: @escaping (Int, () throws -> Void) throws -> Void,
        readRanks: @escaping (String, [LinearLayer]) throws -> [LinearSite: Int],
        readTokens: @escaping (String?, Int) throws -> [Int32] = { _, _ in [] }
    ) {
        self.settings = settings
        self.backbone = backbone
        self.totalSteps = totalSteps
        self.seed = seed
        self.isResumed = isResumed
        self.trained = trained
        readsPooler = headForm == .sequence(.pooler)
        readsOutput = headForm == .vocabulary
        self.workers = workers
        self.lookAtBatches = lookAtBatches
        self.readRanks = readRanks
        self.readTokens = readTokens
    }

    /// Throws where the model has two towers: what hangs on layers does so by their numbers, and both towers have the same ones.
    func requireOneTower() throws {
        guard backbone.pair == nil else {
            throw AdapterError(
                description:
                    "\(SettingName.method) \(settings.method.name) trains parts of layers that are known by their numbers, and both "
                    + "towers of \(backbone.architecture.name) have the same ones; use \(SettingName.method) lora, adalora or ia3"
            )
        }
    }

    private var goingOn: String {
        "\(SettingName.fromAdapter) with \(SettingName.method) \(settings.method.name)"
    }

    /// The adapter that the run goes on from, for methods whose updates add to the weights.
    func trainedSums() throws -> AdapterSet? {
        try trained?.requireSums(for: goingOn)
        return trained
    }

    /// The same for methods whose updates are of matrices.
    func trainedMatrices() throws -> AdapterSet? {
        try trained?.requireMatrices(for: goingOn)
        return trained
    }

    /// The parts that the run goes on from; nil for a fresh start. Throws where the adapter has none of this type.
    func trainedParts<Part: ModelPart>(_ type: Part.Type) throws -> [Part]? {
        guard let trained else { return nil }
        let parts = trained.parts.compactMap { $0 as? Part }
        guard !parts.isEmpty, parts.count == trained.parts.count else {
            throw AdapterError(
                description:
                    "\(goingOn) needs an adapter of that method, and the one it names is of kind \(trained.kind); go on with the "
                    + "method that trained it, or leave out \(SettingName.fromAdapter)")
        }
        return parts
    }

    private var roles: [LinearSite.Role] { settings.adaptedRoles(of: backbone.architecture) }

    /// The layers that the settings adapt, in the model's order.
    func layers() throws -> [LinearLayer] {
        try AdapterPlan.layers(of: roles, in: backbone.linearLayers)
    }

    func plan(_ method: AdapterPlan.Method, rank: Int, ranks: [LinearSite: Int] = [:]) -> AdapterPlan {
        var plan = AdapterPlan(
            method: method, roles: roles, rank: rank, scale: Float(settings.scale),
            dropout: Float(settings.adapterDropout), initialization: .orthonormal, seed: seed)
        plan.ranks = ranks
        plan.dividesByRootOfRank =
            method == .lora && settings.method.reads("rank-scaling")
            && settings.lora.rankScaling == .stabilized
        return plan
    }
}
