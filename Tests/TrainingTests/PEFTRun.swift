import Adapters
import GoldenFiles
import ModelFiles
import Tasks
import Testing
import Training
import Transformers

/// Steps of PEFT's AdaLoRA as scripts/goldens/adalora_parity.py records them, and how far a trainer here is from them.
struct PEFTRun {
    let folder: String
    let steps: [JSONValue]
    /// Of each step
    let batches: [TokenizedDataset]

    init(_ folder: String, data: (JSONValue) throws -> TokenizedDataset) throws {
        self.folder = folder
        steps = try #require(Golden.json("\(folder)/steps.json")["steps"]?.array)
        batches = try #require(Golden.json("\(folder)/batches.json")["steps"]?.array).map(data)
        #expect(steps.count == batches.count)
    }

    static func adapters(
        _ backbone: any Backbone, _ start: TensorStore, method: AdapterPlan.Method, rank: Int, scale: Float
    ) throws -> AdapterSet {
        let plan = AdapterPlan(
            method: method, roles: backbone.architecture.roles, rank: rank, scale: scale, dropout: 0,
            initialization: .gaussian, seed: 1)
        let set = try AdapterSet(installing: plan, on: backbone.linearLayers)
        for adapter in set.adapters {
            let path = adapter.layer.modulePath
            adapter.factors.q.values.copyValues(from: try start.floats("\(path).lora_A"))
            adapter.factors.p.values.copyValues(from: try start.floats("\(path).lora_B"))
            if let lambda = adapter.factors.lambda {
                lambda.values.copyValues(from: try start.floats("\(path).lora_E"))
            }
        }
        return set
    }

    static func settings(steps: Int) -> TrainerSettings {
        let rate = LearningRate(peak: 1e-3, shape: .constant, warmupSteps: 0, totalSteps: steps)
        var settings = TrainerSettings(learningRate: rate, headLearningRate: rate)
        settings.weightDecay = 0.01
        settings.clip = 1
        return settings
    }

    /// Largest relative errors of losses and penalties, of scores and of gradient norms.
    struct Errors {
        var loss = 0.0
        var score = 0.0
        var norm = 0.0
    }

    /// All steps, each on its batch; budgets and masks are to be PEFT's.
    func train(_ trainer: Trainer) throws -> Errors {
        var worst = Errors()
        for (index, expected) in steps.enumerated() {
            let (step, data) = (index + 1, batches[index])
            let result = try trainer.step(step, data: data, indices: Array(0..<data.count))
            let loss = try #require(expected["taskLoss"]?.double)
            let regularizer = try #require(expected["regularizer"]?.double)
            let norm = try #require(expected["gradientNorm"]?.double)
            worst.loss = max(
                worst.loss, abs(result.loss - loss) / loss,
                abs(result.orthogonality - regularizer) / regularizer)
            worst.norm = max(worst.norm, abs(result.gradientNorm - norm) / norm)
            let chosen: Bool = try #require(expected["maskChosen"]?.bool as Bool?)
            #expect((result.allocation != nil) == chosen, "step \(step)")
            if let allocation = result.allocation { #expect(allocation.budget == expected["budget"]?.int) }
            worst.score = max(worst.score, try compareSites(trainer, step, expected))
        }
        return worst
    }

    /// The largest relative error of a score.
    private func compareSites(_ trainer: Trainer, _ step: Int, _ expected: JSONValue) throws -> Double {
        let masks = try #require(expected["masks"]?.object)
        let ranks = try #require((trainer.method as? AdaLoRA)?.ranks)
        let scores = ranks.scores(workers: trainer.model.workers)
        var worst = 0.0
        for (site, adapter) in trainer.adapters.adapters.enumerated() {
            let path = adapter.layer.modulePath
            #expect(masks[path]?.array?.compactMap(\.bool) == adapter.mask, "step \(step), \(path)")
            // PEFT has none once budgeting is over.
            guard let all = expected["scores"]?.object else { continue }
            let theirs = try #require(all[path]?.array).compactMap(\.double)
            #expect(theirs.count == scores[site].count)
            for (ours, score) in zip(scores[site], theirs) {
                worst = max(worst, abs(Double(ours) - score) / score)
            }
        }
        return worst
    }

    /// The largest absolute error of an element of the trained factors.
    func factorError(_ trainer: Trainer) throws -> Float {
        let final = try Golden.tensors("\(folder)/final.safetensors")
        var worst = Float(0)
        for adapter in trainer.adapters.adapters {
            let factors = adapter.factors
            let lambda = try #require(factors.lambda)
            for (name, parameter) in [("lora_A", factors.q), ("lora_B", factors.p), ("lora_E", lambda)] {
                let theirs = try final.floats("\(adapter.layer.modulePath).\(name)")
                #expect(theirs.count == parameter.values.count)
                for (ours, value) in zip(parameter.values.values, theirs) {
                    worst = max(worst, ours.isFinite ? abs(ours - value) : .infinity)
                }
            }
        }
        return worst
    }
}
