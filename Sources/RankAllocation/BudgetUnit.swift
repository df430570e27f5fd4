/// What a budget counts. The raw values are the words for it in messages.
public enum BudgetUnit: String, Sendable, CaseIterable {
    /// Each triplet counts 1.
    case triplets
    /// A triplet counts its parameters, `O + I + 1`.
    case parameters
}
