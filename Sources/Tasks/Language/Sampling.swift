import Foundation
import Matrices

/// How the next token is chosen from logits.
package struct Sampling: Sendable {
    /// Logits are divided by it; 0 takes the most probable token.
    package var temperature: Double
    /// Only the most probable tokens whose probabilities come to this are drawn from (Holtzman et al. 2020).
    package var topP: Double
    package var seed: UInt64

    package static let greedy = Sampling(temperature: 0, topP: 1, seed: 0)

    package init(temperature: Double, topP: Double, seed: UInt64) {
        precondition(temperature >= 0 && topP > 0 && topP <= 1, "temperature \(temperature), top-p \(topP)")
        (self.temperature, self.topP, self.seed) = (temperature, topP, seed)
    }

    /// The same for the same logits, seed and place. Of equal logits the first.
    ///
    /// - Parameter place: of the token in its text.
    package func choose(_ logits: UnsafeBufferPointer<Float>, place: Int) -> Int {
        precondition(!logits.isEmpty, "no logits")
        var best = 0
        for index in logits.indices where logits[index] > logits[best] { best = index }
        if temperature == 0 { return best }
        // Beyond this distance from the best a probability is nothing in Double.
        let least = Double(logits[best]) - 40 * temperature
        let candidates = logits.indices.filter { Double(logits[$0]) >= least }.sorted {
            logits[$0] == logits[$1] ? $0 < $1 : logits[$0] > logits[$1]
        }
        let weights = candidates.map { exp((Double(logits[$0]) - Double(logits[best])) / temperature) }
        let wanted = topP * weights.reduce(0, +)
        var (kept, sum) = (0, 0.0)
        while kept < weights.count && (kept == 0 || sum < wanted) {
            sum += weights[kept]
            kept += 1
        }
        var stream = RandomStream(seed: seed, purpose: "next token", indices: [place])
        var left = stream.uniform() * sum
        for index in 0..<kept {
            left -= weights[index]
            if left < 0 { return candidates[index] }
        }
        return candidates[kept - 1]
    }
}
