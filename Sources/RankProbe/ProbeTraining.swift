import Adapters
import Matrices
import RunConfiguration
import Runs
import Tasks
import Training
import Transformers

/// Short trainings of one model, each from the same start: same head, same batches, same schedule.
struct ProbeTraining {
    /// Settled, of a method whose triplets are exact
    let config: RunConfig
    let inputs: RunInputs
    let batch: Int
    let threads: Int

    /// A trainer for so many steps, before the first.
    ///
    /// - Parameters:
    ///   - rank: of every matrix; 0 trains the head alone.
    ///   - head: values that the head starts with; nil for a fresh one.
    ///   - checkingMemory: throw where there is not enough for its steps.
    func trainer(
        rank: Int, steps: Int, rate: Double, head: [[Float]]? = nil, checkingMemory: Bool = false
    ) throws -> Trainer {
        clear()
        var changes: [(key: String, value: String?)] = [
            ("method", rank > 0 ? "adalora" : "head"), ("average-rank", "\(max(rank, 1))"),
            ("initial-rank", "\(max(rank, 1))"), ("allocate-every", "\(steps)"), ("epochs", nil),
            ("steps", "\(steps)"), ("learning-rate", SettingTexts.number(rate)), ("batch-size", "\(batch)"),
            ("accumulate", "1"),
        ]
        // A head that was trained already would only be shaken by the rate of a fresh one.
        if rank > 0, head != nil { changes.append(("head-learning-rate", SettingTexts.number(rate))) }
        let settings = try config.with(changes)
        let assembly = TrainerAssembly(settings, inputs, totalSteps: steps, threads: threads)
        let trainer = try assembly.trainer(isResumed: false)
        if checkingMemory { try assembly.checkMemory(of: trainer) }
        for (parameter, values) in zip(trainer.model.head.parameters, head ?? []) {
            parameter.values.copyValues(from: values)
        }
        return trainer
    }

    /// Takes all steps, on the rows `rows` in orders of their own, again and again. Images are augmented as the run's are, but where
    /// what frozen layers make of them is kept, which each epoch would change.
    func run(
        _ trainer: Trainer, steps: Int, on data: TokenizedDataset, rows: [Int]? = nil,
        onStep: (Int) -> Void
    ) throws {
        let sampler = BatchSampler(
            examples: rows?.count ?? data.count, batch: batch, seed: config.seed)
        var epoch = -1
        var order: [Int] = []
        for step in 1...max(steps, 1) {
            if sampler.epoch(ofStep: step) != epoch {
                epoch = sampler.epoch(ofStep: step)
                order = sampler.order(epoch: epoch)
            }
            let places = sampler.indices(step: step, order: order)
            _ = try trainer.step(
                step, data: data.frozenCache == nil ? data.inEpoch(epoch) : data,
                indices: places.map { rows?[$0] ?? $0 })
            onStep(step)
        }
    }

    /// Takes whatever hangs on the model away.
    func clear() {
        for layer in inputs.backbone.linearLayers { layer.adapter = nil }
    }
}

/// Numbers as settings are written.
enum SettingTexts {
    static func number(_ value: Double) -> String {
        let text = "\(value)"
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }
}
