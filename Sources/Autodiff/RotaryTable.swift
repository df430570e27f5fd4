import Glibc
import Matrices

/// Cosines and sines of the angles by which rotary positions turn the D/2 pairs of a head's columns: position · frequency
/// (Su et al. 2021, "RoFormer").
///
/// Frequencies and angles are rounded to Float32 before the cosine is taken, as transformers does it: where the angle is
/// 4,000 that moves a cosine by up to 1.2e-4, which is to be the same error in both. From the same Float32 frequencies the
/// angles then have transformers' bits, and the cosines are within a rounding of PyTorch's.
package struct RotaryTable: Sendable {
    /// [longest, D/2]
    let cosines, sines: Matrix

    /// Positions that there are: 0 ..< longest.
    package var longest: Int { cosines.rows }
    /// Columns of a head, D.
    package var width: Int { 2 * cosines.columns }

    /// - Parameters:
    ///   - frequencies: radians a position, one for each of the D/2 pairs.
    ///   - longest: how many positions it is made for.
    package init(frequencies: [Double], longest: Int) {
        precondition(
            !frequencies.isEmpty && longest > 0, "\(frequencies.count) frequencies for \(longest) positions")
        cosines = Matrix(rows: longest, columns: frequencies.count)
        sines = Matrix(rows: longest, columns: frequencies.count)
        for position in 0..<longest {
            for (pair, frequency) in frequencies.enumerated() {
                let angle = Float(position) * Float(frequency)
                cosines.row(position)[pair] = cosf(angle)
                sines.row(position)[pair] = sinf(angle)
            }
        }
    }

    /// base^(−2j/D) for the D/2 pairs j of a head of D columns. Exponent, power and reciprocal are each rounded to Float32,
    /// as PyTorch has them: a third of the powers that are rounded once differ from its in the last place.
    package static func frequencies(base: Double, width: Int) -> [Double] {
        (0..<width / 2).map { pair in
            let exponent = Float(2 * pair) / Float(width)
            return Double(1 / Float(pow(base, Double(exponent))))
        }
    }
}
