/// The paper's score `Ī·Ū`, observed on exact singular triplets.
///
/// With exact triplets `λ_i·∂L/∂λ_i = σ_i·u_iᵀ·G·v_i`, with G the gradient with respect to `ΔW` and
/// orthonormal u_i and v_i: the first-order change of the loss when this singular triplet goes. Triplets do
/// not share directions, so scores are not counted twice; with drifting factors two triplets along one
/// direction are each rated as if they were alone. The formula is that of `Sensitivity`; the triplets differ.
/// Use it where P and Q drift far from orthonormal, or without an orthogonality term.
package struct SpectralSensitivity: ImportanceMeasure {
    package init() {}

    package var observedGradient: ObservedGradient { .total }
    package var needsExactTriplets: Bool { true }

    package func scores(_ triplets: SiteTriplets) -> [Float] {
        triplets.averages.scores(weightedByUncertainty: true)
    }
}
