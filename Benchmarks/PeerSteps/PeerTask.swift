import Foundation
import ModelFiles
import Tasks
import Training

/// What both sides of the comparison are told, in the same file.
struct PeerTask: Decodable {
    let model: String
    /// JSON lines, one batch each: `ids` (token ids of each example) and `labels`.
    let batches: String
    /// One more such line, if the run is to be evaluated.
    let validation: String?
    /// Safetensors with `classifier.weight`, `classifier.bias` and each site's `lora_A`, `lora_B`;
    /// for parity `lora_E` too.
    let start: String
    let labels: Int
    let threads: Int
    let initialRank: Int
    let averageRank: Int
    let totalSteps: Int
    let warmupSteps: Int
    let finalSteps: Int
    let learningRate: Double
    let learningRateWarmupSteps: Int
    /// Whether to compute exactly what PEFT does, term by term, rather than what this project does by default.
    let parity: Bool

    init(file: URL) throws {
        self = try JSONDecoder().decode(PeerTask.self, from: Data(contentsOf: file))
    }
}

extension TokenizedDataset {
    /// The batches of a JSON lines file, each as a data set of its own.
    static func batches(of path: String) throws -> [TokenizedDataset] {
        let text = try Data(contentsOf: URL(fileURLWithPath: path))
        return try text.split(separator: UInt8(ascii: "\n")).enumerated().map { line, bytes in
            let batch = try JSONValue.parse(Data(bytes))
            let sequences = (batch["ids"]?.array ?? []).map { ids in
                let ids = (ids.array ?? []).compactMap(\.int).map(Int32.init)
                return Sequence(ids: ids, typeIDs: [Int32](repeating: 0, count: ids.count))
            }
            let labels = (batch["labels"]?.array ?? []).compactMap(\.int).map(Int32.init)
            guard !sequences.isEmpty, sequences.count == labels.count else {
                throw TrainingError(
                    "\(path):\(line + 1): \(sequences.count) sequences and \(labels.count) labels; expected as many"
                )
            }
            return TokenizedDataset(sequences: sequences, objective: ClassObjective(truth: labels))
        }
    }
}
