import Autodiff
import Matrices
import Messages

/// What a method makes of a layer's weight W and its low-rank update where that is not their sum, W + s·P·Λ·Q.
package protocol UpdateRule: AnyObject, Sendable {
    /// For messages, such as `DoRA`
    var name: String { get }
    /// How PEFT's files hold it
    var peft: PEFTForm { get }
    /// What of it trains, after P, λ and Q in the vector
    var parameters: [Parameter] { get }
    /// Whether it changes the layer even where the update is 0.
    var hasEffect: Bool { get }

    /// The layer's output `[T, O]`, base product and bias included.
    func output(
        of x: Variable, weight: Weight, bias: Weight?, lowRank: LowRankFactors, dropout: Float,
        on tape: Tape
    ) -> Variable

    /// Turns W + s·P·Λ·Q `[O, I]` into the weight that the layer computes with.
    func finish(_ weight: Matrix)
}

extension AdapterSet {
    /// `AdaLoRA`, `LoRA` or the rule's name
    package var kind: String {
        adapters.lazy.compactMap(\.rule).first?.name ?? (isSVD ? "AdaLoRA" : "LoRA")
    }

    /// How these adapters stand in PEFT's files.
    package var peft: PEFTForm {
        adapters.lazy.compactMap(\.rule).first?.peft ?? (isSVD ? .adalora : .lora)
    }

    private var isSVD: Bool { adapters.first?.factors.lambda != nil }

    /// Throws where an adapter's layers are more than sums W + ΔW, which `what` needs.
    package func requireSums(for what: String) throws {
        guard let rule = adapters.lazy.compactMap(\.rule).first else { return }
        throw AdapterError(
            description:
                "\(what) needs updates that add to the weights, and \(rule.name) scales their rows too; use the adapter as "
                + "it is, which PEFT reads, or put it into the weights with adalora export \(SettingName.to) merged"
        )
    }
}
