import CCallCounts
import Foundation
import TrainingSteps

extension Figures {
    private static let warmUpSteps = 8
    private static let countedSteps = 4

    /// Counts over the last steps, after pools and caches are full.
    ///
    /// - Parameter step: takes one on one thread and gives its loss.
    static func count(_ step: () throws -> Double) throws -> Figures {
        for _ in 1...Self.warmUpSteps { _ = try step() }
        let before = acc_read()
        var loss = Double.nan
        for _ in 1...Self.countedSteps { loss = try step() }
        let after = acc_read()
        let counters: [KeyPath<acc_counts, UInt64>] = [
            \.allocations, \.allocated_bytes, \.products, \.product_flops, \.factorizations,
        ]
        return Figures(
            counts: counters.map { Int(after[keyPath: $0] - before[keyPath: $0]) / Self.countedSteps },
            loss: loss)
    }
}
