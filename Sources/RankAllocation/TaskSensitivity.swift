/// The paper's score `Ī·Ū` of the gradient of the task loss alone, without the orthogonality term and before
/// clipping.
///
/// Otherwise the penalty's gradient makes a triplet look important merely because it is far from orthonormal,
/// and clipping scales all sensitivities of a step by a factor that has nothing to do with them. Use it with
/// a strong orthogonality term, or when clipping is frequent.
package struct TaskSensitivity: ImportanceMeasure {
    package init() {}

    package var observedGradient: ObservedGradient { .task }
    package var needsExactTriplets: Bool { false }

    package func scores(_ triplets: SiteTriplets) -> [Float] {
        triplets.averages.scores(weightedByUncertainty: true)
    }
}
