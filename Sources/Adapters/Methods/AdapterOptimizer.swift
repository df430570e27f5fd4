/// What moves the factors of low-rank adapters.
package enum AdapterOptimizer: String, CaseIterable, Sendable {
    /// AdamW, element by element, as everything else that trains
    case adam
    /// `BalancedSteps`
    case balanced
}
