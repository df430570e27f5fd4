import Foundation
import ModelFiles
import Tasks
import Transformers

/// As `StepScenario`, steps of a language model: every token of a few texts is predicted through the output matrix.
package enum DecoderScenario: String, CaseIterable {
    case float32 = "AdaLoRA, exact, Llama"
    case fourBits = "AdaLoRA, exact, Llama in Q4_0"

    private static let rank = 3
    private static let lengths = Array(4..<20)

    /// Steps of a new tiny Llama, one call each, which gives the training loss before its update.
    package func steps(threads: Int) throws -> () throws -> Double {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent(
            "tiny-llama-\(UUID().uuidString).gguf")
        // The weights are mapped, and stay where they are once the file has no name.
        defer { try? FileManager.default.removeItem(at: file) }
        try TinyLlama(format: self == .fourBits ? .fourBits : .float32).write(to: file)
        return try Self.steps(model: file, .exact, threads: threads, lengths: Self.lengths, rank: Self.rank)
    }

    /// Steps of a language model that is a folder or file, one call each.
    ///
    /// - Parameter learned: the share of each sequence, at its end, whose tokens the loss predicts.
    package static func steps(
        model: URL, _ method: StepScenario, threads: Int, lengths: [Int], rank: Int, learned: Double = 1,
        recomputesLayers: Bool = false
    ) throws -> () throws -> Double {
        let trainer = try method.trainer(
            PretrainedModel.open(model).openBackbone(), .vocabulary, outputs: 0, threads: threads, rank: rank,
            recomputesLayers: recomputesLayers)
        let ids = lengths.enumerated().map { row, length in
            (0..<length).map { Int32(1 + (row * 7 + $0 * 3) % (TinyLlama.vocabulary - 1)) }
        }
        let trained = lengths.map { length in
            (0..<length).map { Double($0) >= Double(length) * (1 - learned) }
        }
        let data = TokenizedDataset(
            sequences: ids.map { .init(ids: $0, typeIDs: $0.map { _ in 0 }) },
            objective: NextTokenObjective(ids: ids, trained: trained))
        let indices = Array(ids.indices)
        var step = 0
        return {
            step += 1
            return try trainer.step(step, data: data, indices: indices).loss
        }
    }
}
