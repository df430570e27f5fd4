/// The singular values of `ΔW`: `|λ_i|` where the triplets are exact singular triplets.
///
/// Pruning is then optimal in the Frobenius norm (Eckart–Young): no updates with as many triplets over all
/// sites are closer to `P·Λ·Q` as it was. It asks how much of `ΔW` is lost, and not what the loss makes of
/// it. Use it for pruning without gradients, and as the control that tells whether sensitivity knows more
/// than size.
package struct SingularValue: ImportanceMeasure {
    package init() {}

    package var observedGradient: ObservedGradient { .none }
    package var needsExactTriplets: Bool { true }

    package func scores(_ triplets: SiteTriplets) -> [Float] {
        triplets.lambda.map(\.magnitude)
    }
}
