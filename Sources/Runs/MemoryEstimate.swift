import Autodiff
import Matrices
import RunConfiguration
import Training
import Transformers

/// What a run will have in memory at most: what it has when all is read and set up, as the system tells, and what its
/// first steps, evaluations and checkpoints add.
package struct MemoryEstimate: Sendable {
    package struct Part: Sendable, Equatable {
        package let name: String
        package let bytes: Int

        package init(name: String, bytes: Int) {
            self.name = name
            self.bytes = bytes
        }
    }

    /// Largest first; they add up to `total`.
    package let parts: [Part]
    /// Bytes
    package let total: Int
    /// What this process has and may still take; nil where the system does not tell.
    package let available: Int?

    package var fits: Bool { available.map { total <= $0 } ?? true }

    package init(parts: [Part], total: Int, available: Int?) {
        self.parts = parts
        self.total = total
        self.available = available
    }

    /// With more that comes.
    func adding(_ part: Part) -> MemoryEstimate {
        let all = (parts + [part]).filter { $0.bytes != 0 }
        return MemoryEstimate(
            parts: all.sorted { ($1.bytes, $0.name) < ($0.bytes, $1.name) }, total: total + part.bytes,
            available: available)
    }

    /// - Parameters:
    ///   - start: what this process had in memory before it read the inputs, in bytes; now it has the trainer.
    ///   - others: of that what is none of the run's, such as a probe's.
    ///   - memory: what the system tells.
    init(
        _ trainer: Trainer, _ inputs: RunInputs, _ load: RunLoad, _ config: RunConfig, threads: Int,
        start: Int?, others: Int = 0, memory: ProcessMemory = ProcessMemory()
    ) {
        let now = Self.now(trainer, inputs, load, threads: threads, start: start, others: others, memory)
        var parts = now + Self.coming(trainer, inputs, load, config, threads: threads)
        let sum = parts.reduce(0) { $0 + $1.bytes }
        // Reading may have taken more than training will.
        let peak = (memory.peak ?? 0) - others
        if peak > sum { parts.append(Part(name: "reading the inputs", bytes: peak - sum)) }
        self.parts = parts.filter { $0.bytes != 0 }.sorted { ($1.bytes, $0.name) < ($0.bytes, $1.name) }
        total = max(sum, peak)
        available = memory.available.map { $0 + (memory.resident ?? 0) }
    }

    private static let float = MemoryLayout<Float>.size
    /// Linux maps so many bytes around the one that is read of a file.
    private static let pagesOfARow = 65_536

    private static func workers(_ load: RunLoad, threads: Int) -> Int {
        min(threads, max(load.training.mostShards, load.evaluation?.mostShards ?? 0))
    }

    /// What is there already, but mapped weights, of which any number of pages may have been read, and will be.
    private static func now(
        _ trainer: Trainer, _ inputs: RunInputs, _ load: RunLoad, threads: Int, start: Int?, others: Int,
        _ memory: ProcessMemory
    ) -> [Part] {
        let workers = workers(load, threads: threads)
        let backbone = inputs.backbone
        let kept = backbone.weights.reduce(0) { sum, weight in
            let bytes = weight.releasePages()
            return sum + (weight.isReadInPassing ? 0 : bytes)
        }
        // Of what is read in passing a worker multiplies with one matrix at a time, of a large one with a part, or takes rows out of a
        // table.
        let factors = backbone.linearLayers.map(\.weight) + [backbone.outputMatrix].compactMap(\.self)
        let held =
            factors.filter(\.isReadInPassing).map {
                $0.releasePages() / max(1, $0.count / VocabularyShard.elementsHeld)
            }.max() ?? 0
        let rows = backbone.weights.filter(\.isReadInPassing).map { $0.releasePages() }.max() ?? 0
        let model = kept + workers * max(held, min(rows, load.training.tokens * pagesOfARow))
        // Less than nothing where mapped weights give way to fewer bytes.
        let packed = PackedSize(trainer, inputs.backbone, load.training)
        let state = (trainer.stateFloats + trainer.method.averages) * float
        let now = memory.resident ?? state
        let inMemory = inputs.packedBase?.bytes.after ?? 0
        let rest = max(0, now - (start ?? 0) - state - inMemory)
        return [
            Part(name: "program and libraries", bytes: max(0, now - state - inMemory - rest - others)),
            Part(name: "model, mapped", bytes: model + min(0, packed.bytes)),
            Part(name: "model, packed", bytes: inMemory),
            Part(name: "data, tokenizer", bytes: rest),
            Part(name: "trainable weights, gradient, AdamW's and importance averages", bytes: state),
            Part(name: "packed weights", bytes: max(0, packed.bytes)),
        ]
    }

    /// What training adds.
    private static func coming(
        _ trainer: Trainer, _ inputs: RunInputs, _ load: RunLoad, _ config: RunConfig, threads: Int
    ) -> [Part] {
        let (training, workers) = (load.training, workers(load, threads: threads))
        let trainable = trainer.trainableParameters
        let (text, prompts) = (inputs.heldOutText, inputs.samples)
        let pools = PoolEstimate(
            trainer.model, inputs.objective, training, load.evaluation, trainable: trainable,
            workers: threads, more: text.map { [Forgetting.reading($0, trainer.model)] } ?? [])
        // One process's share is less.
        let shards = ShardSum.buffers(
            ShardTree(shards: training.mostShards), own: Array(0..<training.mostShards), workers: threads)
        let observes = trainer.method.observesTaskGradient
        return [
            Part(
                name: "activations, \(workers) \(workers == 1 ? "worker" : "workers") on shards of up to "
                    + "\(training.tokens) tokens", bytes: pools.elements * float),
            Part(
                name: "gradients of \(shards) \(shards == 1 ? "shard" : "shards") at a time",
                bytes: (shards + (observes ? 1 : 0)) * trainable * float),
            Part(
                name: "images of two steps",
                bytes: (inputs.train.images?.rowBytes ?? 0) * 2 * config.resolvedBatchSize * config.accumulate
            ),
            Part(name: "loss over whole batches", bytes: joint(trainer.model, inputs, config) * float),
            Part(name: "work space of products", bytes: workers * productSpace),
            Part(
                name: "an adapter that is written", bytes: (trainable + trainer.method.copies) * float),
            Part(
                name: "answers to prompts, keys and values",
                bytes: prompts.map { SampleAnswering.bytes($0, trainer.model) } ?? 0),
            Part(
                name: "held-out text, rows of the base model",
                bytes: text.map {
                    Forgetting.keptBytes(
                        $0, trainer.model, trainsBackbone: config.tuning.method.trainsBackbone)
                } ?? 0),
        ]
    }

    /// Floats of a loss that is one of all rows of a step, or of an evaluation: what these say, and what comes of it.
    private static func joint(_ model: SequenceModel, _ inputs: RunInputs, _ config: RunConfig) -> Int {
        guard let objective = inputs.objective.joint else { return 0 }
        let columns = model.head.outputs
        let step = min(config.resolvedBatchSize * config.accumulate, inputs.train.sequences.count)
        // Retrieval has the rows as they came, side by side, and in halves, of which one is sought in.
        return max(
            2 * step * columns + objective.elements(rows: step, columns: columns),
            4 * columns * (inputs.validation?.sequences.count ?? 0))
    }

    /// What OpenBLAS's `sgemm` lays its operands out in, a worker, as seen with the shapes of MiniLM.
    private static let productSpace = 4_000_000
}
