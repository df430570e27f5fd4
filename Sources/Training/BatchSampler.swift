import Matrices

/// Which examples step t trains on: each epoch is a permutation drawn from its own stream, so position is a
/// function of the step and nothing needs saving.
package struct BatchSampler: Sendable {
    package let examples: Int
    /// Examples of one optimizer step.
    package let batch: Int
    package let seed: UInt64

    package init(examples: Int, batch: Int, seed: UInt64) {
        precondition(examples > 0 && batch > 0, "\(examples) examples in batches of \(batch)")
        self.examples = examples
        self.batch = batch
        self.seed = seed
    }

    /// The last batch of an epoch may be smaller: no example is dropped.
    package var stepsPerEpoch: Int { (examples + batch - 1) / batch }

    /// The order of one epoch, counted from 0.
    package func order(epoch: Int) -> [Int] {
        var stream = RandomStream(seed: seed, purpose: "data order", indices: [epoch])
        return Array(0..<examples).shuffled(using: &stream)
    }

    /// The examples of step t (from 1), given the order of its epoch.
    package func indices(step: Int, order: [Int]) -> ArraySlice<Int> {
        let start = (step - 1) % stepsPerEpoch * batch
        return order[start..<min(start + batch, examples)]
    }

    package func epoch(ofStep step: Int) -> Int { (step - 1) / stepsPerEpoch }
}
