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
        let backbone = try PretrainedModel.open(file).openBackbone()
        let trainer = try StepScenario.exact.trainer(
            backbone, .vocabulary, outputs: 0, threads: threads, rank: Self.rank)
        let ids = Self.lengths.enumerated().map { row, length in
            (0..<length).map { Int32(1 + (row * 7 + $0 * 3) % (TinyLlama.vocabulary - 1)) }
        }
        let data = TokenizedDataset(
            sequences: ids.map { .init(ids: $0, typeIDs: $0.map { _ in 0 }) },
            objective: NextTokenObjective(ids: ids))
        let indices = Array(ids.indices)
        var step = 0
        return {
            step += 1
            return try trainer.step(step, data: data, indices: indices).loss
        }
    }
}
