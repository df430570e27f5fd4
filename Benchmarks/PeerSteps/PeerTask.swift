import Foundation
import Images
import Matrices
import ModelFiles
import Tasks
import Training

/// What both sides of the comparison are told, in the same file.
struct PeerTask: Decodable {
    let model: String
    /// JSON lines, one batch each: `ids` (token ids of each example) and `labels`, or, of a language model, `learned` (which of
    /// the tokens the loss predicts). Of images `images`, which of `pixels` they are, and `rows` that each becomes.
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
    /// Safetensors with `pixels` [N, 3, H, W], of a model of images.
    let pixels: String?
    let recompute: Recompute
    let precision: Precision
    /// Whether to compute exactly what PEFT does, term by term, rather than what this project does by default.
    let parity: Bool

    /// As `adalora train --recompute` has it
    enum Recompute: String, Decodable { case none, layers, weights, all }

    /// As `adalora train --precision` has it
    enum Precision: String, Decodable { case float32, bf16 }

    init(file: URL) throws {
        self = try JSONDecoder().decode(PeerTask.self, from: Data(contentsOf: file))
    }
}

extension TokenizedDataset {
    /// The batches of a JSON lines file, each as a data set of its own.
    static func batches(of path: String, _ pictures: [PixelImage] = []) throws -> [TokenizedDataset] {
        let text = try Data(contentsOf: URL(fileURLWithPath: path))
        return try text.split(separator: UInt8(ascii: "\n")).enumerated().map { line, bytes in
            let batch = try JSONValue.parse(Data(bytes))
            if let images = batch["images"]?.array?.compactMap(\.int) {
                return try TokenizedDataset(images.map { pictures[$0] }, of: batch, "\(path):\(line + 1)")
            }
            let sequences = (batch["ids"]?.array ?? []).map { ids in
                let ids = (ids.array ?? []).compactMap(\.int).map(Int32.init)
                return Sequence(ids: ids, typeIDs: [Int32](repeating: 0, count: ids.count))
            }
            let place = "\(path):\(line + 1)"
            return TokenizedDataset(
                sequences: sequences, objective: try objective(of: batch, sequences, place))
        }
    }

    private init(_ images: [PixelImage], of batch: JSONValue, _ place: String) throws {
        guard let first = images.first, let rows = batch["rows"]?.int else {
            throw TrainingError("\(place): no images, or nobody says what they become")
        }
        let feed = ImageFeed(
            channels: first.channels, size: (first.height, first.width), isAugmented: false
        ) { row, _ in images[row] }
        let sequences = images.map { _ in Sequence(imageOfRows: rows) }
        self.init(
            feed, count: images.count, rows: rows,
            objective: try Self.objective(of: batch, sequences, place))
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

extension PixelImage {
    /// Those of `pixels` in a file of safetensors.
    static func all(in path: String) throws -> [PixelImage] {
        let store = try TensorStore(file: URL(fileURLWithPath: path))
        guard let shape = store.info("pixels")?.shape, shape.count == 4 else {
            throw TrainingError("\(path): no pixels [N, C, H, W]")
        }
        let values = Matrix(rows: shape[0], columns: shape[1...].reduce(1, *))
        try store.copyFloat32(
            "pixels", into: UnsafeMutableBufferPointer(start: values.pointer, count: values.count))
        return (0..<shape[0]).map { image in
            PixelImage(
                channels: shape[1], height: shape[2], width: shape[3],
                values: Array(UnsafeBufferPointer(start: values.row(image), count: values.columns)))
        }
    }
}
