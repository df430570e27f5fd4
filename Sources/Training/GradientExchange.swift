import Foundation
import Matrices
import Tasks

/// The processes that train one model together, each with the same model, rows and state; asked by the trainer where a process has
/// to know what others computed. All of them ask in the same order.
///
/// - Throws: `ExchangeError` where a process is lost, or says something else than it should.
package protocol GradientExchange: Sendable {
    /// This process, from 0
    var rank: Int { get }
    var processes: Int { get }
    /// What every process says, in their order.
    func gather(_ own: Data) throws -> [Data]
    /// Sends each process its stretch of `sent` and receives one from each, both in the order of processes.
    ///
    /// - Parameters:
    ///   - counts: floats to each process; of `received` from each.
    func trade(_ sent: Matrix, counts: [Int], into received: Matrix, counts: [Int]) throws
    /// Gives every process all stretches of `values` [1, N], of which each has its own.
    func share(_ values: Matrix, counts: [Int]) throws
}

/// Why processes cannot go on together.
package struct ExchangeError: Error, CustomStringConvertible, Sendable {
    package enum Kind: Sendable {
        /// Another process is gone, or says nothing for too long.
        case lost
        /// Processes have not the same rows, settings, kernels or results.
        case differs
    }

    package let kind: Kind
    package let description: String

    package init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }
}

/// A process by itself.
package struct SoleProcess: GradientExchange {
    package let rank = 0
    package let processes = 1

    package init() {}

    package func gather(_ own: Data) -> [Data] { [own] }
    package func trade(_ sent: Matrix, counts: [Int], into received: Matrix, counts _: [Int]) {
        received.copyValues(from: sent)
    }
    package func share(_ values: Matrix, counts: [Int]) {}
}

extension GradientExchange {
    /// Whether this process alone writes and speaks.
    package var leads: Bool { rank == 0 }

    /// Whether any process says so.
    package func any(_ own: Bool) throws -> Bool {
        if processes == 1 { return own }
        return try gather(Data([own ? 1 : 0])).contains { $0.first == 1 }
    }

    /// Gives every process what the others found.
    ///
    /// - Parameter owners: the process that has the results of each place.
    package func complete(_ results: [any ExchangedResults], owners: [Int]) throws {
        if processes == 1 || results.isEmpty { return }
        let places = (0..<processes).map { process in owners.indices.filter { owners[$0] == process } }
        for result in results {
            for (process, data) in try gather(result.said(at: places[rank])).enumerated()
            where process != rank {
                guard result.hear(data, at: places[process]) else {
                    throw ExchangeError(
                        .differs,
                        "process \(process) says of its rows what cannot be read here; run the same program everywhere"
                    )
                }
            }
        }
    }

    /// total[1, N] = the sum of all shards, on every process: each adds up the nodes of the tree for its stretch of the N numbers, in the
    /// tree's shape, and all share their stretches. A process sends as many numbers as it has nodes, and once its own.
    ///
    /// - Parameters:
    ///   - own: the sums of the nodes of this process, by `ShardTree.nodes`.
    ///   - owners: the process of each shard.
    package func sum(_ own: [NodeSum], _ tree: ShardTree, owners: [Int], into total: Matrix) throws {
        if processes == 1 { return total.copyValues(from: own[0].values) }
        let borders = (0...processes).map { total.count * $0 / processes }
        let sizes = (0..<processes).map { borders[$0 + 1] - borders[$0] }
        let nodes = (0..<processes).map { process in
            tree.nodes(of: owners.indices.filter { owners[$0] == process })
        }
        precondition(own.map(\.node) == nodes[rank], "sums of other nodes than those of this process")
        let sent = Matrix(rows: 1, columns: own.count * total.count)
        var place = 0
        for process in 0..<processes {
            for part in own {
                (sent.pointer + place).update(
                    from: part.values.pointer + borders[process], count: sizes[process])
                place += sizes[process]
            }
        }
        let received = Matrix(rows: nodes.reduce(0) { $0 + $1.count }, columns: sizes[rank])
        try trade(
            sent, counts: sizes.map { $0 * own.count }, into: received,
            counts: nodes.map { $0.count * sizes[rank] })
        var parts: [ShardTree.Node: Matrix] = [:]
        for (row, node) in nodes.joined().enumerated() { parts[node] = received.rows(row..<row + 1) }
        total.view(offset: borders[rank], rows: 1, columns: sizes[rank]).copyValues(
            from: Self.sum(tree.root, &parts))
        try share(total, counts: sizes)
    }

    /// The sum of a node's halves goes where the first one's stood.
    private static func sum(_ node: ShardTree.Node, _ parts: inout [ShardTree.Node: Matrix]) -> Matrix {
        if let part = parts[node] { return part }
        guard let (first, second) = ShardTree.halves(node) else {
            preconditionFailure("shard \(node) belongs to no process")
        }
        let (target, addend) = (sum(first, &parts), sum(second, &parts))
        Kernel.add(addend, into: target)
        return target
    }
}
