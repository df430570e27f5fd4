import Foundation
import Matrices
import Testing

/// Vector widths are 4, 8 and 16 floats: one element, a tail only, one full vector, a vector and a tail, more.
let kernelSizes = [1, 7, 16, 17, 100, 1000]

/// Half a unit in the last place of Float32: the relative error of one rounded operation.
let roundoff = 0x1p-24

func normalValues(_ count: Int, seed: UInt64, deviation: Double = 1) -> [Float] {
    var stream = RandomStream(seed: seed, purpose: "test values")
    return (0..<count).map { _ in Float(stream.normal() * deviation) }
}

func normalMatrix(_ rows: Int, _ columns: Int, seed: UInt64) -> Matrix {
    Matrix(rows: rows, columns: columns, values: normalValues(rows * columns, seed: seed))
}

/// Each |actual − reference| ≤ relative · |reference| + absolute; a NaN fails.
func expectClose(
    _ actual: [Float], _ reference: [Double], relative: Double, absolute: Double,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    expectClose(
        actual, reference, bounds: reference.map { relative * abs($0) + absolute },
        sourceLocation: sourceLocation)
}

/// Each |actual − reference| ≤ its bound; a NaN fails. Reports the first and the number of misses.
func expectClose(
    _ actual: [Float], _ reference: [Double], bounds: [Double],
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(actual.count == reference.count, sourceLocation: sourceLocation)
    let misses = actual.indices.filter { !(abs(Double(actual[$0]) - reference[$0]) <= bounds[$0]) }
    guard let first = misses.first else { return }
    Issue.record(
        "\(misses.count) of \(actual.count) differ; [\(first)] is \(actual[first]), not \(reference[first])",
        sourceLocation: sourceLocation)
}

/// A sum of products in Double and the classical bound of its Float32 evaluation in any order:
/// (terms + 2) · u · Σ|terms|.
func sumWithBound(_ terms: [Double]) -> (sum: Double, bound: Double) {
    (terms.reduce(0, +), Double(terms.count + 2) * roundoff * terms.reduce(0) { $0 + abs($1) })
}

func softmaxReference(_ row: [Float], scale: Float) -> [Double] {
    let scaled = row.map { Double($0) * Double(scale) }
    let top = scaled.max() ?? 0
    let powers = scaled.map { exp($0 - top) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
}
