/// Smoothed sensitivity without its uncertainty, `s(w) = Ī`: an ablation of the paper.
///
/// Its values are of the order of a change of the loss, `w·g`, where those of `Sensitivity` are of that
/// order squared. Use it to see what the uncertainty contributes, or with batches so large that there is
/// little noise left to weight.
package struct SensitivityOnly: ImportanceMeasure {
    package init() {}

    package var observedGradient: ObservedGradient { .total }
    package var needsExactTriplets: Bool { false }

    package func scores(_ triplets: SiteTriplets) -> [Float] {
        triplets.averages.scores(weightedByUncertainty: false)
    }
}
