/// What the score of a triplet is made of. The allocator keeps the triplets of highest score.
///
/// A measure says what it needs, and the trainer provides it: which gradients the averages observe, and how
/// exact the triplets must be.
package protocol ImportanceMeasure: Sendable {
    /// The gradients that the averages in `SiteTriplets` observe.
    var observedGradient: ObservedGradient { get }

    /// Whether triplets must be exact singular triplets when they are observed and scored: orthonormal
    /// columns of P and rows of Q, up to rounding.
    var needsExactTriplets: Bool { get }

    /// The score of each triplet of one site, `[R]`; higher is more important. NaN is refused by the
    /// allocator.
    func scores(_ triplets: SiteTriplets) -> [Float]
}
