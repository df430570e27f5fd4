import Messages

extension AdapterSet {
    /// `AdaLoRA`, `LoRA` or the rule's name
    package var kind: String {
        adapters.lazy.compactMap(\.rule).first?.name ?? (isSVD ? "AdaLoRA" : "LoRA")
    }

    /// Whether it has ranks: those of (IA)³ have none.
    package var hasRanks: Bool { adapters.contains { $0.initialRank > 0 || $0.rank > 0 } }

    /// Those that have ranks, all or none, for records and reports of them.
    package var ranked: AdapterSet { hasRanks ? self : .none }

    private var isSVD: Bool { adapters.first?.factors.lambda != nil }

    /// Throws where an adapter's layers are more than sums W + ΔW, which `what` needs.
    package func requireSums(for what: String) throws {
        guard let rule = adapters.lazy.compactMap(\.rule).first else { return }
        throw AdapterError(
            description:
                "\(what) needs updates that add to the weights, and \(rule.name) \(rule.effect); use the adapter as "
                + "it is, which PEFT reads, or put it into the weights with adalora export \(SettingName.to) merged"
        )
    }
}
