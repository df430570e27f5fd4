import Messages
import ModelFiles
import Training

/// What `plan --processes` tells.
enum ProcessReport {
    /// 1, 2, 4 … and the number itself; none where nobody asks.
    static func counts(_ most: Int?) -> [Int] {
        guard let most else { return [] }
        let powers = sequence(first: 1) { $0 * 2 }.prefix { $0 < most }
        return powers + [most]
    }

    static func text(_ estimates: [ProcessEstimate], _ network: ProcessEstimate.Network, width: Int) -> String
    {
        guard let one = estimates.first else { return "" }
        var table = TextTable([
            ("processes", .right), ("s/step", .right), ("computing", .right), ("everywhere", .right),
            ("exchange", .right), ("sent", .right), ("imbalance", .right), ("speed-up", .right),
        ])
        for estimate in estimates {
            let gain = one.seconds / estimate.seconds
            table.add([
                String(estimate.processes), Figures.fixed(estimate.seconds, 3),
                Figures.fixed(estimate.computing, 3),
                Figures.fixed(estimate.everywhere, 3), Figures.fixed(estimate.exchange, 3),
                Figures.bytes(Int(estimate.bytes)), Figures.fixed(estimate.imbalance, 2),
                "\(Figures.fixed(gain, 2)) \(Figures.whole(100 * gain / Double(estimate.processes))) %",
            ])
        }
        let threads = "\(one.threads) \(one.threads == 1 ? "thread" : "threads")"
        return table.terminal(width: width).joined(separator: "\n")
            + "\nA step of processes of \(threads) each on machines like this one, \(network.name) between them; speed-up with its "
            + "efficiency. docs/several-machines.md has the model."
    }

    static func json(_ estimates: [ProcessEstimate], _ network: ProcessEstimate.Network) -> JSONValue {
        .object([
            "network": .string(network.name),
            "steps": .array(
                estimates.map {
                    .object([
                        "processes": JSONValue($0.processes), "threads": JSONValue($0.threads),
                        "seconds": .number($0.seconds), "computing": .number($0.computing),
                        "everywhere": .number($0.everywhere), "exchange": .number($0.exchange),
                        "bytes": .number($0.bytes), "imbalance": .number($0.imbalance),
                    ])
                }),
        ])
    }
}
