import Messages

extension AdapterSet {
    /// `AdaLoRA`, `LoRA`, the rule's name, or that of the parts
    package var kind: String {
        if let part = parts.first { return part.kind }
        return adapters.lazy.compactMap(\.rule).first?.name ?? (isSVD ? "AdaLoRA" : "LoRA")
    }

    /// Whether it has ranks: those of (IA)³ have none.
    package var hasRanks: Bool { adapters.contains { $0.initialRank > 0 || $0.rank > 0 } }

    /// Those that have ranks, all or none, for records and reports of them.
    package var ranked: AdapterSet { hasRanks ? self : .none }

    private var isSVD: Bool { adapters.first?.factors.lambda != nil }

    /// Throws where an adapter's layers are more than sums W + ΔW, which `what` needs.
    package func requireSums(for what: String) throws {
        try requireMatrices(for: what)
        guard let rule = adapters.lazy.compactMap(\.rule).first else { return }
        throw AdapterError(
            description:
                "\(what) needs updates that add to the weights, and \(rule.name) \(rule.effect); use the adapter as "
                + "it is, which PEFT reads, or put it into the weights with adalora export \(SettingName.to) merged"
        )
    }

    /// Throws where something acts beside the matrices, and so stands in no weight, which `what` needs.
    package func requireMatrices(for what: String) throws {
        guard let part = parts.first else { return }
        let readers = partForm?.isOfPEFT ?? false ? ", which PEFT reads" : ""
        throw AdapterError(
            description:
                "\(what) needs updates of matrices, and a \(part.kind) acts beside them, so that no weight can hold it; use the "
                + "adapter as it is\(readers)")
    }
}
