import Messages

extension AdapterSet {
    /// `AdaLoRA`, `LoRA` or the rule's name
    package var kind: String {
        adapters.lazy.compactMap(\.rule).first?.name ?? (isSVD ? "AdaLoRA" : "LoRA")
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
