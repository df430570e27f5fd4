import AdapterTools
import Foundation
import Matrices
import Messages
import ModelFiles
import RunConfiguration
import RunRecords
import Training

/// Where a run goes on.
package enum ResumePoint: Sendable, Equatable {
    /// At the newest checkpoint that is whole.
    case newest
    /// At the checkpoint of this step. What the run did after it, it does again.
    case step(Int)

    /// Settings that may be others when a run is resumed: none changes a bit of the result. Of files it matters what is
    /// in them, which the checkpoint's fingerprints tell.
    package static let changeableSettings: Set<String> = [
        "threads", "frozen-cache", "checkpoint-every", "keep-checkpoints", "output", "model", "train",
        "validation",
        "from-adapter",
        "rank-pattern", "label-names", "class-weights", "chat-template", "samples", "forgetting",
    ]

    /// A run folder, or one of its checkpoints: `RUN` or `RUN/checkpoints/step-40`.
    package static func parse(_ path: String) -> (run: String, point: ResumePoint) {
        let url = URL(fileURLWithPath: path)
        let parent = url.deletingLastPathComponent()
        guard parent.lastPathComponent == RunFolder.checkpointsName,
            let step = RunFolder.checkpointStep(named: url.lastPathComponent)
        else { return (path, .newest) }
        return (parent.deletingLastPathComponent().path, .step(step))
    }
}

/// A checkpoint to go on from.
struct FoundCheckpoint {
    let checkpoint: Checkpoint
    /// Of newer ones that were skipped.
    let warnings: [String]
    /// What to try when the run cannot go on from it.
    let advice: String
}

extension RunFolder {
    /// The checkpoint that `point` means, whole and with logs that reach as far as it says.
    func checkpoint(at point: ResumePoint) throws -> FoundCheckpoint {
        let steps = checkpointSteps()
        switch point {
        case .step(let step):
            guard steps.contains(step) else {
                let there = steps.reversed().map(Self.checkpointName(step:)).joined(separator: ", ")
                throw TrainingError(
                    .missing,
                    "\(url.path) has no checkpoint of step \(step); it has \(there.isEmpty ? "none" : there)")
            }
            let later = steps.filter { $0 > step }.count
            return FoundCheckpoint(
                checkpoint: try readCheckpoint(step),
                warnings: later == 0
                    ? []
                    : ["\(later) checkpoints after step \(step) are removed; the run comes by them again"],
                advice: advice(steps, before: step))
        case .newest:
            var skipped: [(step: Int, why: ModelFileError)] = []
            for step in steps {
                do {
                    return FoundCheckpoint(
                        checkpoint: try readCheckpoint(step),
                        warnings: skipped.map {
                            "checkpoint step-\($0.step) is skipped and set aside as \(Self.setAside)\($0.step): \($0.why)"
                        }, advice: advice(steps, before: step))
                } catch let error as ModelFileError where error.kind == .invalid || error.kind == .missing {
                    // What the system refuses to read may be whole: that is no reason to leave it.
                    skipped.append((step, error))
                }
            }
            throw TrainingError(
                .missing,
                "\(url.path) has no whole checkpoint to resume from; "
                    + (skipped.first.map { "\($0.why)" }
                        ?? "runs write them with \(SettingName.checkpointEvery) and when interrupted"))
        }
    }

    private func advice(_ steps: [Int], before step: Int) -> String {
        let earlier = steps.first { $0 < step }
        return
            (earlier.map {
                "resume from an earlier checkpoint (\(SettingName.resume) \(shellQuoted(checkpoint(step: $0).path))), or "
            }
            ?? "")
            + "start a new run"
    }

    private func readCheckpoint(_ step: Int) throws -> Checkpoint {
        let checkpoint = try Checkpoint.read(checkpoint(step: step))
        let offsets = checkpoint.offsets
        for (file, bytes) in [
            (events, offsets.events), (ranks, offsets.ranks), (triplets, offsets.triplets),
            (samples, offsets.samples),
        ] {
            let size = (try? file.resourceValues(forKeys: [.fileSizeKey]))?.fileSize ?? 0
            guard size >= bytes else {
                throw TrainingError(
                    "\(file.path): \(size) bytes where \(bytes) were written before checkpoint step-\(step); put the "
                        + "file back, or resume from an earlier checkpoint (\(SettingName.resume) RUN/checkpoints/step-N)"
                )
            }
        }
        return checkpoint
    }

    /// Throws for the checkpoint of a run's end, unless the run was killed between the two: then its log has no end.
    func checkUnfinished(_ checkpoint: Checkpoint, _ config: RunConfig, totalSteps: Int) throws {
        let progress = checkpoint.progress
        let isStopped = config.earlyStopping.map { progress.evaluationsWithoutImprovement >= $0 } ?? false
        guard isStopped || (progress.step >= totalSteps && !progress.isEvaluationDue) else { return }
        guard try EventReader.tellsAnEnd(events, from: checkpoint.offsets.events) else { return }
        throw TrainingError(
            .usage,
            "\(url.path) ended at step \(progress.step)\(isStopped ? " by early stopping" : ""); there is nothing "
                + "to resume. Start a new run for more steps")
    }

    /// Throws unless the best adapter (or model) so far is there and whole: the run may end without a better one.
    func checkBest(_ progress: Progress, advice: String) throws {
        guard let step = progress.bestStep else { return }
        do {
            let description = try AdapterDescription(best)
            // A later one comes again on the way.
            guard description.step >= step else {
                throw TrainingError("it is that of step \(description.step)")
            }
        } catch {
            throw TrainingError(
                "cannot resume exactly: \(best.path) should hold the best adapter so far, of step \(step) (\(error)); "
                    + advice)
        }
    }

    static let setAside = "skipped-step-"

    /// Leaves no checkpoint after `step`, where a run goes on: their logs are about to be cut. Where it goes on at the
    /// newest one that is whole, damaged ones stay under other names; where somebody chose the step, the run comes by
    /// the later ones again.
    func leaveCheckpoints(after step: Int, at point: ResumePoint) {
        for later in checkpointSteps() where later > step {
            if point == .newest {
                let aside = checkpoints.appendingPathComponent("\(Self.setAside)\(later)")
                try? AtomicFile.removeFolder(aside)
                try? FileManager.default.moveItem(at: checkpoint(step: later), to: aside)
            } else {
                try? AtomicFile.removeFolder(checkpoint(step: later))
            }
        }
    }

    /// Deletes what a crash left unfinished.
    func removeLeftovers() {
        AtomicFile.removeLeftovers(in: url)
        AtomicFile.removeLeftovers(in: checkpoints)
    }
}

extension Checkpoint {
    /// Other kernels add in another order: the run would not end with the same bits.
    static var kernels: (name: String, hash: String) {
        ("kernels", KernelSelection.currentKernel + (PackedWeight.isSupported ? ", oneDNN" : ""))
    }

    /// Throws, naming each difference, unless settings and files are those of the checkpoint.
    ///
    /// - Parameters:
    ///   - earlier: fingerprints in the form of versions before SHA-256, whose checkpoints have these.
    ///   - allowingOtherKernels: whether products may round otherwise than before.
    func checkUnchanged(
        _ config: RunConfig, _ fingerprints: [(name: String, hash: String)],
        earlier: [(name: String, hash: String)], allowingOtherKernels: Bool = false
    ) throws {
        let saved = try RunConfig.load(yaml: configuration, yamlName: "the checkpoint", overrides: []).config
        let settings = config.differences(from: saved, except: ResumePoint.changeableSettings)
        guard settings.isEmpty else {
            throw TrainingError(
                .usage,
                "cannot resume exactly with other settings (\(settings.joined(separator: "; "))); put config.yaml back, "
                    + "or start a new run")
        }
        func hash(_ entries: [(name: String, hash: String)], _ name: String) -> String? {
            entries.first { $0.name == name }?.hash
        }
        let names = (fingerprints + self.fingerprints).map(\.name).filter {
            !allowingOtherKernels || $0 != Self.kernels.name
        }
        let changed = names.filter { name in
            let recorded = hash(self.fingerprints, name)
            let isEarlier = recorded != nil && recorded == hash(earlier, name)
            return recorded != hash(fingerprints, name) && !isEarlier
        }
        // One that changed stands in both lists.
        var shown: [String] = []
        for name in changed where !shown.contains(Self.shown(name)) { shown.append(Self.shown(name)) }
        guard shown.isEmpty else {
            throw TrainingError(
                "cannot resume exactly: \(shown.joined(separator: ", ")) changed since the checkpoint; restore "
                    + "\(shown.count == 1 ? "it" : "them"), or start a new run")
        }
    }

    static func shown(_ fingerprint: String) -> String {
        switch fingerprint {
        case "model": "the base model's weights"
        case "model configuration": "the base model's config.json"
        case "kernels":
            "the kernels that this CPU or OPENBLAS_CORETYPE makes OpenBLAS choose, which round differently,"
        case "formats": "the number formats of the base model's weights, or how this version keeps them,"
        case "tokens": "the tokens of the rows (rows or tokenizer files)"
        case "images": "the images of the training rows"
        case "validation images": "the images of the validation rows"
        case RunRows.heldOutPrint: "which rows are held out"
        case "samples": "the prompts (samples)"
        case "forgetting": "the text to tell forgetting by"
        case "class weights": "the weights of the classes"
        case "image preprocessing": "how the model's folder says that files become images"
        default: "the \(fingerprint) file"
        }
    }
}
