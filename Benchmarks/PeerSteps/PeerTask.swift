import Foundation
import ModelFiles
import Tasks
import Training

/// What both sides of the comparison are told, in the same file.
struct PeerTask: Decodable {
    let model: String
    /// JSON lines, one batch each: `ids` (token ids of each example) and `labels`, or, of a language model, `learned` (which of
    /// the tokens the loss predicts).
    let batches: String
    /// One more such line, if the run is to be evaluated.
    let validation: String?
    /// Safetensors with `classifier.weight`, `classifier.bias` and each site's `lora_A`, `lora_B`;
    /// for parity `lora_E` too. None of a language model.
    let start: String?
    /// Classes; 0 of a language model.
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
            let place = "\(path):\(line + 1)"
            return TokenizedDataset(
                sequences: sequences, objective: try objective(of: batch, sequences, place))
        }
    }

    private static func objective(of batch: JSONValue, _ sequences: [Sequence], _ place: String) throws
        -> any Objective
    {
        func check(_ count: Int) throws {
            guard !sequences.isEmpty, sequences.count == count else {
                throw TrainingError(
                    "\(place): \(sequences.count) sequences and \(count) targets; expected as many")
            }
        }
        if let learned = batch["learned"]?.array {
            try check(learned.count)
            let trained = zip(sequences, learned).map { sequence, places in
                let places = Set((places.array ?? []).compactMap(\.int))
                return sequence.ids.indices.map(places.contains)
            }
            return NextTokenObjective(ids: sequences.map(\.ids), trained: trained)
        }
        let labels = (batch["labels"]?.array ?? []).compactMap(\.int).map(Int32.init)
        try check(labels.count)
        return ClassObjective(truth: labels)
    }
}
