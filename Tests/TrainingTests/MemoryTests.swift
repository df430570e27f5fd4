import Adapters
import Autodiff
import Foundation
import GoldenFiles
import Matrices
import ModelFiles
import RunConfiguration
import Tasks
import Testing
import Training
import Transformers

/// What Linux says of memory, from files of a made-up system.
@Suite struct ProcessMemoryTests {
    private static let meminfo = "MemTotal:  9000 kB\nMemFree: 1000 kB\nMemAvailable:    5000 kB\n"

    private func available(_ files: [String: String]) throws -> Int? {
        let root = FileManager.default.temporaryDirectory.appendingPathComponent(
            "memory-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: root) }
        for (path, text) in files {
            let file = root.appendingPathComponent(path)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }
        return ProcessMemory(root: root).available
    }

    @Test func unknownWhereTheSystemDoesNotTell() throws {
        #expect(try available([:]) == nil)
        let memory = ProcessMemory(root: URL(fileURLWithPath: "/nowhere"))
        #expect(memory.resident == nil && memory.peak == nil && memory.available == nil)
    }

    @Test func ofTheMachine() throws {
        #expect(try available(["proc/meminfo": Self.meminfo]) == 5000 * 1024)
        let memory = ProcessMemory()
        let (resident, peak) = (try #require(memory.resident), try #require(memory.peak))
        #expect(resident > 1_000_000 && peak >= resident)
    }

    /// Version 2: 3,000,000 − (2,000,000 − 500,000) bytes are left in the group, 1,200,000 in the one above.
    @Test func ofControlGroups() throws {
        let two = [
            "proc/meminfo": Self.meminfo, "proc/self/cgroup": "0::/outer/inner\n",
            "sys/fs/cgroup/outer/inner/memory.max": "3000000\n",
            "sys/fs/cgroup/outer/inner/memory.current": "2000000\n",
            "sys/fs/cgroup/outer/inner/memory.stat": "anon 1\ninactive_file 500000\n",
        ]
        #expect(try available(two) == 1_500_000)
        let limited = two.merging([
            "sys/fs/cgroup/outer/memory.max": "4000000", "sys/fs/cgroup/outer/memory.current": "2800000",
        ]) { $1 }
        #expect(try available(limited) == 1_200_000)
        let unlimited = two.merging(["sys/fs/cgroup/outer/inner/memory.max": "max\n"]) { $1 }
        #expect(try available(unlimited) == 5000 * 1024)
        #expect(try available(two.filter { $0.key != "proc/meminfo" }) == 1_500_000)
        let full = two.merging(["sys/fs/cgroup/outer/inner/memory.current": "9000000"]) { $1 }
        #expect(try available(full) == 0)
    }

    /// Version 1 names the controller; no limit is 2^63 less a page.
    @Test func ofControlGroupsOfVersion1() throws {
        let one = [
            "proc/meminfo": Self.meminfo, "proc/self/cgroup": "5:cpu:/x\n4:memory:/x\n0::/\n",
            "sys/fs/cgroup/memory/x/memory.limit_in_bytes": "2000000",
            "sys/fs/cgroup/memory/x/memory.usage_in_bytes": "800000",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
            "sys/fs/cgroup/memory/memory.usage_in_bytes": "900000",
        ]
        #expect(try available(one) == 1_200_000)
        let none = one.merging(["sys/fs/cgroup/memory/x/memory.limit_in_bytes": "9223372036854771712"]) { $1 }
        #expect(try available(none) == 5000 * 1024)
    }
}

@Suite struct MemoryGuardTests {
    private func config(_ more: [(key: String, value: String)] = []) throws -> RunConfig {
        try RunConfig.load(
            yaml: nil, yamlName: "",
            overrides: [("model", "m"), ("train", "t.csv"), ("output", "o"), ("budget", "3")] + more
        ).config
    }

    private func estimate(_ total: Int, available: Int?) -> MemoryEstimate {
        MemoryEstimate(
            parts: [
                .init(name: "activations", bytes: total - 1_000_000), .init(name: "model", bytes: 1_000_000),
            ],
            total: total, available: available)
    }

    @Test func whatFitsIsQuiet() throws {
        var memory = MemoryGuard(isIgnored: false)
        try memory.check(estimate(50_000_000, available: 50_000_000), config(), threads: 2)
        #expect(memory.warnings.isEmpty)
    }

    @Test func whatDoesNotFitIsRefusedWithWhatToTry() throws {
        var memory = MemoryGuard(isIgnored: false)
        func message(_ config: RunConfig, threads: Int) -> String {
            do {
                try memory.check(estimate(51_000_000, available: 50_000_000), config, threads: threads)
                return ""
            } catch { return "\(error)" }
        }
        #expect(
            try message(config(), threads: 2)
                == "training needs about 51 MB of memory (activations 50 MB; model 1 MB), 50 MB are available; try "
                + "--recompute layers, fewer --threads, a shorter --max-length, a smaller --batch-size, or "
                + "--ignore-memory to go on all the same")
        let few = try message(config([("recompute", "layers")]), threads: 1)
        #expect(few.contains("; try a shorter --max-length, a smaller"))
    }

    @Test func ignoredItIsAWarning() throws {
        var memory = MemoryGuard(isIgnored: true)
        try memory.check(estimate(51_000_000, available: 50_000_000), config(), threads: 2)
        #expect(memory.warnings.count == 1 && memory.warnings[0].hasSuffix("50 MB are available"))
    }

    @Test func anUnknownLimitIsAWarning() throws {
        var memory = MemoryGuard(isIgnored: false)
        try memory.check(estimate(51_000_000, available: nil), config(), threads: 2)
        #expect(
            memory.warnings == [
                "the system does not tell how much memory is available; the estimate of 51 MB is not checked"
            ])
    }
}

@Suite struct PoolEstimateTests {
    /// One worker: its pool holds exactly what the numbers said, through steps of shards of all sizes and evaluations.
    /// Rows of one length, since buffers of attention grow with the squares of lengths and the estimate with their mean.
    @Test(arguments: [false, true], [1, 5]) func isWhatTraining(recomputes: Bool, batch: Int) throws {
        try checkEstimate(of: trainer(recomputes: recomputes), batch: batch)
    }

    /// With tiles that weights of two bytes are unpacked to.
    @Test(arguments: [1, 5]) func isWhatTrainingOnHalfPrecisionTakes(batch: Int) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "half-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let golden = Golden.url("bert/model")
        try FileManager.default.copyItem(
            at: golden.appendingPathComponent("config.json"),
            to: folder.appendingPathComponent("config.json"))
        let store = try TensorStore(modelFolder: golden)
        let tensors = try store.tensors.map { info in
            TensorToWrite(
                name: info.name, elementType: .float16, shape: info.shape,
                bytes: try store.floats(info.name).flatMap { value in
                    let bits = Float16(value).bitPattern
                    return [UInt8(truncatingIfNeeded: bits), UInt8(bits >> 8)]
                })
        }
        try SafetensorsWriter.write(
            tensors, metadata: [:], to: folder.appendingPathComponent("model.safetensors"))
        try checkEstimate(of: trainer(recomputes: false, model: folder), batch: batch)
    }

    private func checkEstimate(of trainer: Trainer, batch: Int) throws {
        let data = rows(40, length: 9)
        let sampler = BatchSampler(examples: 40, batch: batch, seed: 1)
        let training = ShardLoad(training: data, sampler, totalSteps: 12)
        let estimate = PoolEstimate(
            trainer.model, try #require(data.objective), training, ShardLoad(evaluating: data),
            trainable: trainer.trainableParameters, workers: 1)
        let order = sampler.order(epoch: 0)
        for step in 1...(batch == 1 ? 12 : 8) {
            _ = try trainer.step(step, data: data, indices: Array(sampler.indices(step: step, order: order)))
        }
        _ = trainer.evaluate(data)
        #expect(trainer.model.workers.allocatedElements == estimate.elements)
    }

    /// Rows of all lengths in shards of all sizes: within a tenth, for attention's buffers as above.
    @Test func isNearForMixedLengths() throws {
        let trainer = try trainer(recomputes: false)
        let data = TrainerTests.rows(200, seed: 8)
        let sampler = BatchSampler(examples: 200, batch: 16, seed: 1)
        let training = ShardLoad(training: data, sampler, totalSteps: 13)
        #expect(training.steps.count == 13 && training.mostShards > 0)
        #expect(training.tokens == training.steps.joined().max())
        let estimate = PoolEstimate(
            trainer.model, try #require(data.objective), training, nil,
            trainable: trainer.trainableParameters, workers: 1)
        let order = sampler.order(epoch: 0)
        for step in 1...13 {
            _ = try trainer.step(step, data: data, indices: Array(sampler.indices(step: step, order: order)))
        }
        let actual = trainer.model.workers.allocatedElements
        #expect(abs(Double(estimate.elements) / Double(actual) - 1) < 0.1, "\(estimate.elements) \(actual)")
    }

    private func rows(_ count: Int, length: Int) -> TokenizedDataset {
        TokenizedDataset(
            sequences: (0..<count).map { row in
                .init(
                    ids: (0..<length).map { Int32(5 + (row + $0) % 90) },
                    typeIDs: Array(repeating: 0, count: length))
            }, objective: ClassObjective(truth: (0..<count).map { Int32($0 % 5) }))
    }

    private func trainer(recomputes: Bool, model: URL = Golden.url("bert/model")) throws -> Trainer {
        let backbone = try Architecture.backbone(in: HFFolder(model))
        let plan = AdapterPlan(
            method: .lora, roles: backbone.architecture.roles, rank: 3, scale: 1, dropout: 0.1,
            initialization: .orthonormal, seed: 3)
        let set = try AdapterSet(installing: plan, on: backbone.linearLayers)
        let head = try SequenceHead(
            backbone: backbone, outputs: 5, pooling: .pooler, dropout: 0.1,
            stream: RandomStream(seed: 3, purpose: "initialize head"))
        let rate = LearningRate(peak: 1e-3, shape: .linear, warmupSteps: 2, totalSteps: 30)
        return Trainer(
            model: SequenceModel(
                backbone: backbone, head: head, workers: Workers(count: 1), recomputesLayers: recomputes),
            method: LoRA(set),
            settings: TrainerSettings(learningRate: rate, headLearningRate: rate))
    }
}

@Suite struct PackedSizeTests {
    /// Two shapes of products for 3 remainders and whole blocks; weights of one shape share kernels.
    @Test func byHand() {
        func memory(_ rows: Int, _ isBackward: Bool) -> ProductMemory {
            Float32Weight.packedMemory(rows: rows, columns: 64, isMapped: true, isBackward: isBackward)
        }
        let (one, other) = (memory(100, true), memory(100, false))
        #expect(PackedSize([one], remainders: 3).bytes == one.bytes + 8 * PackedWeight.kernelBytes)
        #expect(
            PackedSize([one, other, one], remainders: 3).bytes
                == 2 * one.bytes + other.bytes + 8 * PackedWeight.kernelBytes)
        #expect(
            PackedSize([other, memory(64, false)], remainders: 100).bytes
                == other.bytes + memory(64, false).bytes + 2 * 64 * PackedWeight.kernelBytes)
        #expect(PackedSize([.none], remainders: 3).bytes == 0 && PackedSize([], remainders: 3).bytes == 0)
    }
}

@Suite struct RowLengthsTests {
    @Test func percentilesByNearestRank() {
        let lengths = RowLengths([5, 1, 3, 2, 4], maxLength: 3)
        #expect(lengths.shortest == 1 && lengths.median == 3 && lengths.longest == 5 && lengths.tooLong == 2)
        #expect(lengths.percentile95 == 5)
        let hundred = RowLengths(Array((1...100).reversed()), maxLength: 200)
        #expect(hundred.median == 50 && hundred.percentile95 == 95 && hundred.tooLong == 0)
        let one = RowLengths([7], maxLength: 7)
        #expect(one.shortest == 7 && one.median == 7 && one.percentile95 == 7 && one.tooLong == 0)
    }
}
