import CVectorKernels
import Testing

/// Scores by distance, between their two layouts.
@Suite struct DiagonalKernelTests {
    /// Two queries, three keys: distances 1 0 −1 −2 in the columns of d, one row for each key.
    @Test func workedExample() {
        let d: [Float] = [
            10, 11, 12, 13,
            20, 21, 22, 23,
            30, 31, 32, 33,
        ]
        var scores: [Float] = [1, 2, 3, 4, 5, 6]
        avk_add_diagonals(d, 4, &scores, 3, 2, 3)
        #expect(scores == [12, 24, 36, 14, 26, 38])
        var back = [Float](repeating: .nan, count: 12)
        avk_take_diagonals(scores, 3, &back, 4, 2, 3)
        #expect(back == [14, 12, 0, 0, 0, 26, 24, 0, 0, 0, 38, 36])
    }

    /// Part of the columns of wider scores, and rows of d longer than needed; exact, since each element is one sum.
    @Test(arguments: kernelSizes) func matchesTheReference(columns: Int) {
        let (rows, scoresStride) = (9, columns + 3)
        let stride = rows + columns + 4
        let d = normalValues(columns * stride, seed: 80)
        let before = normalValues(rows * scoresStride, seed: 81)
        var scores = before
        avk_add_diagonals(d, stride, &scores, scoresStride, rows, columns)
        var back = [Float](repeating: .nan, count: columns * stride)
        avk_take_diagonals(scores, scoresStride, &back, stride, rows, columns)
        var expected = before
        var expectedBack = [Float](repeating: 0, count: columns * stride)
        for i in 0..<rows {
            for j in 0..<columns {
                let place = j * stride + rows - 1 - i + j
                expected[i * scoresStride + j] += d[place]
                expectedBack[place] = expected[i * scoresStride + j]
            }
        }
        #expect(scores == expected)
        #expect(back == expectedBack)
    }
}
