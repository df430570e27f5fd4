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

/// 20 steps of PEFT's AdaLoRA on the tiny CLIP, by transformers' own loss, made by scripts/goldens/adalora_clip.py.
@Suite struct PEFTPairParityTests {
    /// All texts and images
    private struct Pairs {
        let pixels: [PixelImage]
        let texts: [[Int32]]

        init() throws {
            pixels = try VisionModel.images(Golden.tensors("adalora-clip/images.safetensors"), "pixels")
            texts = (try Golden.json("adalora-clip/batches.json")["texts"]?.array ?? []).map { ids in
                (ids.array ?? []).compactMap(\.int).map(Int32.init)
            }
            #expect(pixels.count == 16 && texts.count == 16)
        }

        func data(_ json: JSONValue?) throws -> TokenizedDataset {
            let rows = try #require(json?.array).compactMap(\.int)
            let chosen = rows.map { pixels[$0] }
            let names = rows.map { Int32($0) }
            let feed = ImageFeed(channels: 3, size: (12, 12), isAugmented: false) { row, _ in chosen[row] }
            return TokenizedDataset(
                feed, count: rows.count, rows: 10,
                objective: ImageTextObjective(form: .softmax, texts: names, images: names)
            ).with(texts: rows.map { texts[$0] })
        }
    }

    private static func trainer(threads: Int) throws -> Trainer {
        let model = try PairModel("clip")
        let start = try Golden.tensors("adalora-clip/initial.safetensors")
        // PEFT's α / (r + 1e-5)
        let set = try PEFTRun.adapters(
            model.backbone, start, method: .adalora, rank: 4, scale: Float(8 / (4 + 1e-5)))
        #expect(set.adapters.count == 24)
        let schedule = try BudgetSchedule(
            initialBudget: 96, finalBudget: 48, totalSteps: 20, warmupSteps: 4, finalSteps: 5, interval: 2)
        var allocation = AllocationSettings(schedule: schedule, measure: Sensitivity())
        allocation.weightsAfterUpdate = true
        let ranks = RankController(set: set, settings: allocation)
        return Trainer(
            model: SequenceModel(
                backbone: model.backbone, head: model.head, workers: Workers(count: threads)),
            method: AdaLoRA(set, ranks: ranks, penalty: OrthogonalityPenalty(form: .norm, weight: 0.5)),
            settings: PEFTRun.settings(steps: 20))
    }

    /// logits_per_image [B, B] of rows [B, 2 · D]
    private static func logits(_ rows: Matrix) -> [Float] {
        let columns = rows.columns / 2
        return (0..<rows.rows).flatMap { image in
            (0..<rows.rows).map { text in
                (0..<columns).reduce(0) { $0 + rows.row(text)[$1] * rows.row(image)[columns + $1] }
            }
        }
    }

    // As far from PyTorch's Float32 run as that is from its Float64 run: see the generator's last line.
    @Test func twentyStepsThroughAllPhases() throws {
        let trainer = try Self.trainer(threads: 2)
        let pairs = try Pairs()
        let run = try PEFTRun("adalora-clip") { try pairs.data($0) }
        #expect(run.steps.count == 20)
        let worst = try run.train(trainer)
        #expect(worst.loss < 1e-5, "largest relative loss error \(worst.loss)")
        #expect(worst.score < 1e-4, "largest relative score error \(worst.score)")
        #expect(worst.norm < 1e-4, "largest relative gradient norm error \(worst.norm)")
        let factors = try run.factorError(trainer)
        #expect(factors < 1e-5, "largest error of a factor \(factors)")
        let expected = try Golden.tensors("adalora-clip/logits.safetensors").floats("final")
        let logits = Self.logits(trainer.model.logits(run.batches[0]))
        #expect(relativeError(logits, expected) < 1e-5)
        // Compaction must not change what the model computes.
        trainer.compact()
        #expect(trainer.adapters.ranks.reduce(0, +) == 48)
        #expect(relativeError(Self.logits(trainer.model.logits(run.batches[0])), logits) < 1e-5)
    }

    /// A folder saved by PEFT gives the logits of PEFT's own reload.
    @Test func adapterSavedByPEFTLoads() throws {
        let model = try PairModel("clip")
        let loaded = try PEFTFolder.load(
            Golden.url("adalora-clip/peft_adapter"), onto: model.backbone, head: model.head)
        #expect(loaded.warnings.isEmpty && loaded.set.kind == "AdaLoRA")
        #expect(loaded.set.ranks.reduce(0, +) == 48)
        let sequences = SequenceModel(
            backbone: model.backbone, head: model.head, workers: Workers(count: 1))
        let rows = try Golden.json("adalora-clip/batches.json")["steps"]?.array?.first
        let expected = try Golden.tensors("adalora-clip/logits.safetensors").floats("reloaded")
        #expect(relativeError(Self.logits(sequences.logits(try Pairs().data(rows))), expected) < 1e-5)
    }
}
