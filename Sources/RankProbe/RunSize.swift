import Adapters
import Advice
import Datasets
import Messages
import RankAllocation
import RunConfiguration
import Runs
import Tasks
import Training
import Transformers

/// The sizes of a run: what is known beforehand, and what its rows cost.
struct RunSize {
    let facts: AdviceFacts
    let costs: ProbeCosts

    init(_ inputs: RunInputs, _ request: AdviceRequest) throws {
        let config = inputs.config
        let backbone = inputs.backbone
        let layers = try AdapterPlan.layers(
            of: config.tuning.adaptedRoles(of: backbone.architecture), in: backbone.linearLayers)
        let question = Self.question(inputs)
        let formats = Set(backbone.weights.compactMap(\.format)).subtracting(["F32", "F16", "BF16"]).sorted()
        let facts = AdviceFacts(
            model: backbone.architecture.isDecoder ? .decoder : .encoder,
            modelName: config.model, weights: backbone.parameterCount,
            format: formats.isEmpty ? nil : formats.joined(separator: ", "), task: config.task.rawValue,
            question: question, rows: inputs.train.rows,
            heldOutRows: inputs.rows.validation?.examples.count ?? 0,
            tokens: inputs.train.tokens, matrices: layers.count,
            parametersPerRank: layers.reduce(0) {
                $0 + TripletCost.parameters(outputs: $1.outputs, inputs: $1.inputs, hasLambda: false)
            },
            largestRank: layers.map { min($0.outputs, $0.inputs) }.min() ?? 1, memory: request.memory,
            seconds: request.seconds)
        self.facts = facts
        let batch = config.resolvedBatchSize * config.accumulate
        // The run learns from the rows, too, that the probe alone measures on.
        let heldOut = request.config.hasValidation ? 0 : inputs.rows.validation?.examples.count ?? 0
        let sampler = BatchSampler(examples: inputs.train.count + heldOut, batch: batch, seed: config.seed)
        var learned = 0.0
        if case .words(let count) = question { learned = Double(count) / Double(max(facts.rows, 1)) }
        costs = ProbeCosts(
            facts, wideRank: min(facts.model == .decoder ? 32 : 16, facts.largestRank), batch: batch,
            runSteps: config.totalSteps(stepsPerEpoch: sampler.stepsPerEpoch),
            weights: backbone.linearLayers.reduce(0) { $0 + $1.outputs * $1.inputs },
            vocabularyWeights: facts.isLanguageModel ? backbone.outputMatrix?.count ?? 0 : 0,
            learnedPerRow: learned)
    }

    private static func question(_ inputs: RunInputs) -> AdviceFacts.Question {
        let task = inputs.config.task
        if task.type.headForm(.pooler).isOwn, task.type.tally(inputs.rows.train).isOfConversations {
            return .words(learned: Int(inputs.objective.weight(of: Array(0..<inputs.train.count))))
        }
        switch task.type.tally(inputs.rows.train) {
        case .classes(let classes):
            let counts = classes.map(\.count)
            return inputs.task.headForm.isPerToken ? .wordClasses(counts) : .classes(counts)
        case .scores(let range):
            return .scores(lowest: Double(range.lowest), highest: Double(range.highest))
        case .answers, .parts: return .places
        }
    }
}

extension LabelTally {
    fileprivate var isOfConversations: Bool { if case .parts = self { true } else { false } }
}
