import Adapters
import Foundation
import Matrices
import ModelFiles

/// Cuts a trained adapter to a global budget by exact singular values, without training.
public struct AdapterShrinking: Sendable {
    /// What may stay, over all adapted matrices.
    public enum Budget: Sendable, Equatable {
        case triplets(Int)
        case averageRank(Double)
        /// d + k for each triplet of a d × k matrix: λ can be folded into either factor.
        case parameters(Int)
    }

    public struct Site: Sendable {
        public let name: String
        public let rankBefore: Int
        public let rank: Int
        /// ‖ΔW − cut ΔW‖_F / ‖ΔW‖_F
        public let relativeError: Double
    }

    public let sites: [Site]
    /// Parameters of what stayed, counted as in `Budget.parameters`.
    public let parameters: Int

    /// Writes the cut adapter as a new folder `output`; the one in `adapter` stays as it is.
    public init(
        adapter: URL, modelFolder: URL?, budget: Budget, output: URL, threads: Int?
    ) throws {
        let opened = try OpenedAdapter(adapter, modelFolder: modelFolder)
        guard !opened.description.isWholeModel, !opened.adapters.adapters.isEmpty else {
            throw TrainingError(.usage, "\(adapter.path) has no adapters to cut; give an adapter folder")
        }
        if FileManager.default.fileExists(atPath: output.path) {
            throw TrainingError(.usage, "\(output.path) already exists; give a new folder as --output")
        }
        let set = opened.adapters
        var costs: [Int]?
        let limit: Int
        switch budget {
        case .triplets(let count): limit = count
        case .averageRank(let rank): limit = Int((rank * Double(set.adapters.count)).rounded())
        case .parameters(let count):
            costs = set.adapters.map { $0.layer.outputs + $0.layer.inputs }
            limit = count
        }
        let workers = Workers(count: threads ?? ProcessInfo.processInfo.activeProcessorCount)
        let (cut, truncated) = try set.truncated(to: limit, costs: costs, workers: workers)
        guard truncated.contains(where: { $0.rank > 0 }) else {
            throw TrainingError(
                .usage, "a budget of \(limit) keeps nothing of \(adapter.path); give a larger one")
        }
        sites = zip(set.adapters, truncated).map { adapter, truncated in
            Site(
                name: "\(adapter.site)", rankBefore: adapter.rank, rank: truncated.rank,
                relativeError: truncated.relativeError)
        }
        parameters = zip(set.adapters, truncated).reduce(0) {
            $0 + $1.1.rank * ($1.0.layer.outputs + $1.0.layer.inputs)
        }
        let description = opened.description
        try AtomicFile.replaceFolder(output) { target in
            try PEFTFolder.write(
                cut, method: .adalora, head: opened.head, baseModel: description.baseModel, into: target)
            try description.write(to: target.appendingPathComponent("adalora.json"))
        }
    }
}
