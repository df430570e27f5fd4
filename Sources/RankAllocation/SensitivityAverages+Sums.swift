/// Sums of `s(w)` over one side of a matrix, in Double and in a fixed order that vectorizes.
///
/// A column or row is dealt out to `lanes` partial sums, element `j` to lane `j mod lanes`, which are then
/// added in order. So the sum depends on the elements of that column or row only, bit for bit, and neither on
/// the CPU nor on what else the matrix holds.
extension SensitivityAverages {
    /// Enough partial sums to hide the latency of an addition, few enough to be added up at no cost.
    private static let lanes = 16

    /// The sums of the columns of a row-major `[rows, columns]` array, `[columns]`.
    ///
    /// `lanes` rows are added at once, as one long row: the columns of a low rank alone would be too short to
    /// vectorize.
    func columnSums(columns: Int, weightedByUncertainty isWeighted: Bool) -> [Double] {
        var partial = [Double](repeating: 0, count: Self.lanes * columns)
        addUp(0..<count, into: &partial, weightedByUncertainty: isWeighted)
        var sums = [Double](repeating: 0, count: columns)
        for (position, value) in partial.enumerated() { sums[position % columns] += value }
        return sums
    }

    /// The sums of the rows of a row-major `[rows, columns]` array, `[rows]`.
    func rowSums(rows: Int, columns: Int, weightedByUncertainty isWeighted: Bool) -> [Double] {
        var partial = [Double](repeating: 0, count: Self.lanes)
        return (0..<rows).map { row in
            for lane in 0..<Self.lanes { partial[lane] = 0 }
            addUp(row * columns..<(row + 1) * columns, into: &partial, weightedByUncertainty: isWeighted)
            return partial.reduce(0, +)
        }
    }

    /// Adds `s` of the scalars in `range` to the partial sums, the k-th to `partial[k mod partial.count]`.
    private func addUp(
        _ range: Range<Int>, into partial: inout [Double], weightedByUncertainty isWeighted: Bool
    ) {
        guard !partial.isEmpty else { return }
        partial.withUnsafeMutableBufferPointer { partial in
            sensitivity.withUnsafeBufferPointer { sensitivity in
                uncertainty.withUnsafeBufferPointer { uncertainty in
                    guard let sums = partial.baseAddress, let first = sensitivity.baseAddress,
                        let second = uncertainty.baseAddress
                    else { return }
                    var start = range.lowerBound
                    while start < range.upperBound {
                        let count = min(partial.count, range.upperBound - start)
                        if isWeighted {
                            Self.add(first + start, times: second + start, to: sums, count: count)
                        } else {
                            Self.add(first + start, to: sums, count: count)
                        }
                        start += count
                    }
                }
            }
        }
    }

    private static func add(
        _ values: UnsafePointer<Float>, times others: UnsafePointer<Float>,
        to sums: UnsafeMutablePointer<Double>,
        count: Int
    ) {
        for index in 0..<count { sums[index] += Double(values[index]) * Double(others[index]) }
    }

    private static func add(_ values: UnsafePointer<Float>, to sums: UnsafeMutablePointer<Double>, count: Int)
    {
        for index in 0..<count { sums[index] += Double(values[index]) }
    }
}
