import Adapters
import Foundation
import Matrices
import ModelFiles
import RankAllocation
import Tasks
import Testing
import Training
import Transformers

/// Training over weights of few bits is training over the values that they stand for.
@Suite struct QuantisedBaseTests {
    private static let (hidden, inner, words, layers, heads) = (256, 512, 96, 2, 4)

    /// Of a Llama by llama.cpp's names; norms stay Float32.
    private static let shapes: [(name: String, shape: [Int])] =
        [("token_embd", [words, hidden]), ("output_norm", [hidden])]
        + (0..<layers).flatMap { layer in
            [
                ("attn_q", [hidden, hidden]), ("attn_k", [hidden / 2, hidden]),
                ("attn_v", [hidden / 2, hidden]), ("attn_output", [hidden, hidden]),
                ("ffn_gate", [inner, hidden]), ("ffn_up", [inner, hidden]), ("ffn_down", [hidden, inner]),
                ("attn_norm", [hidden]), ("ffn_norm", [hidden]),
            ].map { ("blk.\(layer).\($0.0)", $0.1) }
        }

    private static let keys: [(key: String, value: GGUFValue)] = [
        ("general.architecture", .string("llama")), ("general.type", .string("model")),
        ("llama.block_count", .uint32(UInt32(layers))), ("llama.embedding_length", .uint32(UInt32(hidden))),
        ("llama.attention.head_count", .uint32(UInt32(heads))),
        ("llama.attention.head_count_kv", .uint32(UInt32(heads / 2))),
        ("llama.feed_forward_length", .uint32(UInt32(inner))), ("llama.context_length", .uint32(64)),
        ("llama.attention.layer_norm_rms_epsilon", .float32(1e-5)),
    ]

    /// The model in the format, and what its weights are as Float32.
    private static func write(_ format: String, packed: URL, unpacked: URL) throws {
        let type = try #require(GGMLType.named(format))
        let (weights, pack) = try (
            #require(WeightFormat.named(format)), #require(WeightFormat.named(format)?.pack)
        )
        var (own, floats): ([GGUFTensorToWrite], [GGUFTensorToWrite]) = ([], [])
        var stream = RandomStream(seed: 5, purpose: "weights")
        for (name, shape) in shapes {
            let name = name + ".weight"
            guard shape.count == 2 else {
                let norm = GGUFTensorToWrite(
                    name: name, shape: shape, values: [Float](repeating: 1, count: shape[0]))
                own.append(norm)
                floats.append(norm)
                continue
            }
            let values = Matrix(rows: shape[0], columns: shape[1])
            for index in 0..<values.count { values.pointer[index] = Float(stream.uniform() - 0.5) / 4 }
            var bytes = [UInt8](
                repeating: 0, count: try #require(weights.byteCount(rows: shape[0], columns: shape[1])))
            bytes.withUnsafeMutableBytes { out in
                if let start = out.baseAddress { pack(values.pointer, shape[0], shape[1], start) }
            }
            let matrix = weights.open(rows: shape[0], columns: shape[1], WeightBytes(copying: bytes))
            matrix.unpack(0..<shape[0], into: values.pointer)
            let content = bytes
            own.append(
                GGUFTensorToWrite(name: name, type: type, shape: shape) { append in
                    try content.withUnsafeBytes { try append($0) }
                })
            floats.append(GGUFTensorToWrite(name: name, shape: shape, values: values.values))
        }
        try GGUFWriter.write(metadata: keys, tensors: own, to: packed)
        try GGUFWriter.write(metadata: keys, tensors: floats, to: unpacked)
    }

    private static func trainer(_ url: URL) throws -> Trainer {
        let backbone = try PretrainedModel.open(url).openBackbone()
        let plan = AdapterPlan(
            method: .adalora, roles: backbone.architecture.roles, rank: 4, scale: 1, dropout: 0,
            initialization: .gaussian, seed: 3)
        let set = try AdapterSet(installing: plan, on: backbone.linearLayers)
        let sites = set.adapters.count
        let schedule = try BudgetSchedule(
            initialBudget: 4 * sites, finalBudget: 2 * sites, totalSteps: 12, warmupSteps: 2, finalSteps: 4,
            interval: 2)
        let ranks = RankController(
            set: set, settings: AllocationSettings(schedule: schedule, measure: Sensitivity()))
        let head = try SequenceHead(
            backbone: backbone, outputs: 0, form: .vocabulary, dropout: 0,
            stream: RandomStream(seed: 0, purpose: "not drawn from"))
        let rate = LearningRate(peak: 2e-2, shape: .constant, warmupSteps: 0, totalSteps: 12)
        return Trainer(
            model: SequenceModel(backbone: backbone, head: head, workers: Workers(count: 2)),
            method: AdaLoRA(set, ranks: ranks, penalty: OrthogonalityPenalty(form: .squared, weight: 0.1)),
            settings: TrainerSettings(learningRate: rate, headLearningRate: rate))
    }

    private static let data: TokenizedDataset = {
        let ids = (0..<6).map { row in
            (0..<20 + 5 * row).map { Int32(($0 * (7 + row) + row) % words) }
        }
        return TokenizedDataset(
            sequences: ids.map { .init(ids: $0, typeIDs: $0.map { _ in 0 }) },
            objective: NextTokenObjective(ids: ids, trained: ids.map { $0.map { _ in true } }))
    }()

    /// Products of the two take other ways, so that sums are rounded in other orders: 1e-5 of a loss, as PyTorch's own Float32
    /// and Float64 runs differ. Ranks are decided by scores whose margins are far larger.
    @Test(arguments: ["Q4_K", "Q4_1", "Q8_0", "Q6_K", "BF16"]) func isTrainingOverItsValues(_ format: String)
        throws
    {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (packed, unpacked) = (
            folder.appendingPathComponent("packed.gguf"), folder.appendingPathComponent("unpacked.gguf")
        )
        try Self.write(format, packed: packed, unpacked: unpacked)
        let (own, exact) = (try Self.trainer(packed), try Self.trainer(unpacked))
        #expect(own.model.backbone.linearLayers.allSatisfy { $0.weight.format == format })
        #expect(exact.model.backbone.linearLayers.allSatisfy { $0.weight.format == "F32" })
        let start = own.vector.values.values
        var losses: [Double] = []
        for step in 1...12 {
            let (a, b) = (
                try own.step(step, data: Self.data, indices: Array(0..<6)),
                try exact.step(step, data: Self.data, indices: Array(0..<6))
            )
            #expect(abs(a.loss / b.loss - 1) < 1e-5, "step \(step): \(a.loss), \(b.loss)")
            #expect(abs(a.gradientNorm / b.gradientNorm - 1) < 1e-4, "step \(step)")
            #expect(a.allocation?.ranks == b.allocation?.ranks, "step \(step)")
            losses.append(b.loss)
        }
        #expect(try #require(losses.last) < 0.99 * losses[0], "\(losses)")
        let (mine, theirs) = (own.vector.values.values, exact.vector.values.values)
        // How far training moved the factors, against how far apart both ended; AdamW makes steps of one size even of
        // gradients that are next to nothing.
        let moved = zip(theirs, start).reduce(0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }.squareRoot()
        let apart = zip(mine, theirs).reduce(0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }.squareRoot()
        #expect(apart < 1e-3 * moved, "\(apart) of \(moved)")
    }
}
