import Advice
import Datasets
import Matrices
import Runs
import Tasks
import Training

/// Rows on which every model of a probe is measured: some of the validation rows, the same ones for the same seed, in folds.
struct MeasuredRows {
    private let folds: [TokenizedDataset]
    private let weights: [Double]
    let rows: Int

    /// - Parameter most: rows, of which fewer are taken where there are no more.
    init(_ inputs: RunInputs, most: Int, seed: UInt64) throws {
        guard let validation = inputs.rows.validation else {
            preconditionFailure("a probe without rows to measure on")
        }
        var stream = RandomStream(seed: seed, purpose: "rows to measure on")
        let chosen = validation.examples.indices.shuffled(using: &stream).prefix(most)
        let count = min(Self.mostFolds, max(1, chosen.count / Self.leastRows))
        folds = try (0..<count).map { fold in
            let places = chosen.enumerated().filter { $0.offset % count == fold }.map(\.element).sorted()
            return try inputs.task.tokenized(
                validation.rows(places), isLabelled: true, inputs.limits)
        }
        weights = folds.map { data in
            data.objective?.weight(of: Array(0..<data.count)) ?? Double(data.count)
        }
        rows = chosen.count
    }

    private static let mostFolds = 8
    private static let leastRows = 4

    func loss(_ model: SequenceModel) throws -> HeldOutLoss {
        let losses = try folds.map { fold in
            let loss = try model.evaluation(fold).loss
            try fold.checkImages()
            return loss
        }
        return HeldOutLoss(folds: losses, weights: weights)
    }
}
