/// A fixed random order of all triplets: the same budget as the other measures, without information.
///
/// The control of an experiment: what a measure achieves beyond it is due to what the measure knows, and not
/// to the number of triplets that survive. Scores depend on nothing but the site and the triplet's original
/// index, so they survive compaction, and masks do not flicker between allocations. Draws are multiplied by the
/// triplet's cost, which the allocator divides by: dear triplets are as likely to survive as cheap ones.
///
///     let random = RandomImportance { site, index in Float((site * 31 + index) * 7919 % 1009) }
package struct RandomImportance: ImportanceMeasure {
    private let draw: @Sendable (_ site: Int, _ originalIndex: Int) -> Float

    /// - Parameter draw: what orders triplets, from its site and original index; the same arguments must
    ///   always give the same score, e.g. a number drawn from a stream seeded with both.
    package init(draw: @escaping @Sendable (_ site: Int, _ originalIndex: Int) -> Float) {
        self.draw = draw
    }

    package var observedGradient: ObservedGradient { .none }
    package var needsExactTriplets: Bool { false }

    package func scores(_ triplets: SiteTriplets) -> [Float] {
        triplets.originalIndices.map { draw(triplets.site, $0) * Float(triplets.cost) }
    }
}
