import Adapters
import GoldenFiles
import GoldenModels
import Images
import Matrices
import ModelFiles
import RankAllocation
import Tasks
import Testing
import Training
import Transformers

/// 20 steps of PEFT's AdaLoRA on the tiny ViT, the classifier trained beside it, made by scripts/goldens/adalora_vit.py.
@Suite struct PEFTVisionParityTests {
    /// Labels of all images, and their pixels
    private struct Images {
        let pixels: [PixelImage]
        let labels: [Int32]

        init() throws {
            pixels = try VisionModel.images(Golden.tensors("adalora-vit/images.safetensors"), "pixels")
            labels = (try Golden.json("adalora-vit/batches.json")["labels"]?.array ?? []).compactMap(\.int)
                .map(
                    Int32.init)
            #expect(pixels.count == 16 && labels.count == 16)
        }

        func data(_ json: JSONValue?) throws -> TokenizedDataset {
            let rows = try #require(json?.array).compactMap(\.int)
            let chosen = rows.map { pixels[$0] }
            let feed = ImageFeed(channels: 3, size: (12, 12), isAugmented: false) { row, _ in chosen[row] }
            return TokenizedDataset(
                feed, count: rows.count, rows: 10,
                objective: ClassObjective(truth: rows.map { labels[$0] }))
        }
    }

    private static func trainer(threads: Int) throws -> Trainer {
        let backbone = try PretrainedModel.open(Golden.url("vision/vit/model")).openBackbone()
        let start = try Golden.tensors("adalora-vit/initial.safetensors")
        let head = try VisionModel.head(backbone)
        head.weight.values.copyValues(from: try start.floats("classifier.weight"))
        head.bias.values.copyValues(from: try start.floats("classifier.bias"))
        // PEFT's α / (r + 1e-5)
        let set = try PEFTRun.adapters(
            backbone, start, method: .adalora, rank: 4, scale: Float(8 / (4 + 1e-5)))
        #expect(set.adapters.count == 12)
        let schedule = try BudgetSchedule(
            initialBudget: 48, finalBudget: 24, totalSteps: 20, warmupSteps: 4, finalSteps: 5, interval: 2)
        var allocation = AllocationSettings(schedule: schedule, measure: Sensitivity())
        allocation.weightsAfterUpdate = true
        let ranks = RankController(set: set, settings: allocation)
        return Trainer(
            model: SequenceModel(backbone: backbone, head: head, workers: Workers(count: threads)),
            method: AdaLoRA(set, ranks: ranks, penalty: OrthogonalityPenalty(form: .norm, weight: 0.5)),
            settings: PEFTRun.settings(steps: 20))
    }

    // PyTorch's own Float32 run differs from its Float64 run by 7.6e-7 in losses, by 3.6e-6 relative in scores and by 4.7e-7 in
    // factors; the margin between kept and pruned scores is at least 3.4e-2.
    @Test func twentyStepsThroughAllPhases() throws {
        let trainer = try Self.trainer(threads: 2)
        let images = try Images()
        let run = try PEFTRun("adalora-vit") { try images.data($0) }
        #expect(run.steps.count == 20)
        let worst = try run.train(trainer)
        #expect(worst.loss < 1e-5, "largest relative loss error \(worst.loss)")
        #expect(worst.score < 1e-4, "largest relative score error \(worst.score)")
        #expect(worst.norm < 1e-4, "largest relative gradient norm error \(worst.norm)")
        let factors = try run.factorError(trainer)
        #expect(factors < 1e-5, "largest error of a factor \(factors)")
        let expected = try Golden.tensors("adalora-vit/logits.safetensors").floats("final")
        let logits = trainer.model.logits(run.batches[0]).values
        #expect(relativeError(logits, expected) < 1e-5)
        // Compaction must not change what the model computes.
        trainer.compact()
        #expect(trainer.adapters.ranks.reduce(0, +) == 24)
        #expect(relativeError(trainer.model.logits(run.batches[0]).values, logits) < 1e-5)
    }

    /// A folder saved by PEFT gives the logits of PEFT's own reload.
    @Test func adapterSavedByPEFTLoads() throws {
        let backbone = try PretrainedModel.open(Golden.url("vision/vit/model")).openBackbone()
        let head = try VisionModel.head(backbone)
        let loaded = try PEFTFolder.load(Golden.url("adalora-vit/peft_adapter"), onto: backbone, head: head)
        #expect(loaded.warnings.isEmpty && loaded.set.kind == "AdaLoRA")
        #expect(loaded.set.ranks.reduce(0, +) == 24)
        let model = SequenceModel(backbone: backbone, head: head, workers: Workers(count: 1))
        let rows = try Golden.json("adalora-vit/batches.json")["steps"]?.array?.first
        let expected = try Golden.tensors("adalora-vit/logits.safetensors").floats("reloaded")
        #expect(relativeError(model.logits(try Images().data(rows)).values, expected) < 1e-5)
    }
}
