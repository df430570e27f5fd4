/// The paper's importance: smoothed sensitivity times its uncertainty, `s(w) = Ī·Ū` (eqs. 7–11).
///
/// Sensitivity `|w·∂L/∂w|` estimates how much the loss changes when a weight is set to 0, and a mini-batch
/// gives only a noisy estimate of it. Ū weights up what is not settled yet, so that such triplets are
/// explored rather than pruned. Use it to reproduce the paper, and as the default: in the paper's ablation on
/// CoLA it is ahead of `SensitivityOnly` and `Magnitude` (71.45 against 70.19 and 70.38).
package struct Sensitivity: ImportanceMeasure {
    package init() {}

    package var observedGradient: ObservedGradient { .total }
    package var needsExactTriplets: Bool { false }

    package func scores(_ triplets: SiteTriplets) -> [Float] {
        triplets.averages.scores(weightedByUncertainty: true)
    }
}
