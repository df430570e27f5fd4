/// The magnitude `|λ_i|` of the triplets as they are trained: an ablation of the paper.
///
/// It needs no averages and no gradients, so observing costs nothing. But λ_i is a singular value only as far
/// as P and Q are orthonormal: a triplet with a long column in P and a small λ_i is underrated. Use it as the
/// cheapest baseline, and `SingularValue` where magnitude is to mean the change of `ΔW`.
package struct Magnitude: ImportanceMeasure {
    package init() {}

    package var observedGradient: ObservedGradient { .none }
    package var needsExactTriplets: Bool { false }

    package func scores(_ triplets: SiteTriplets) -> [Float] {
        triplets.lambda.map(\.magnitude)
    }
}
