import Glibc
import Matrices

/// Cosines and sines of the angles by which rotary positions turn the D/2 pairs of a head's columns: position · frequency
/// (Su et al. 2021, "RoFormer").
///
/// Frequencies and angles are rounded to Float32 before the cosine is taken, as transformers does it: where the angle is
/// 4,000 that moves a cosine by up to 1.2e-4, which is to be the same error in both. From the same Float32 frequencies the
/// angles then have transformers' bits, and the cosines are within a rounding of PyTorch's.
package struct RotaryTable: Sendable {
    /// Which columns of a head turn together.
    package enum Pairs: Sendable {
        /// d and d + D/2, as Hugging Face's `rotate_half` has it.
        case halves
        /// 2d and 2d + 1, as GGUF files of some models are ordered.
        case neighbours
    }

    /// Some rows of a table: positions 0 ..< longest at these frequencies.
    package struct Segment: Sendable {
        /// Radians a position, one for each of the D/2 pairs.
        let frequencies: [Double]
        let longest: Int

        package init(frequencies: [Double], longest: Int) {
            precondition(
                !frequencies.isEmpty && longest > 0,
                "\(frequencies.count) frequencies for \(longest) positions")
            self.frequencies = frequencies
            self.longest = longest
        }
    }

    /// [longest, D/2]
    let cosines, sines: Matrix
    let pairs: Pairs

    /// Rows that there are: positions 0 ..< longest of one segment, or those of several one after the other.
    package var longest: Int { cosines.rows }
    /// Columns of a head that turn, D.
    package var width: Int { 2 * cosines.columns }

    package init(frequencies: [Double], longest: Int) {
        self.init([Segment(frequencies: frequencies, longest: longest)])
    }

    /// - Parameters:
    ///   - segments: of as many frequencies each.
    ///   - factor: of cosines and sines, which so scales what is turned.
    package init(_ segments: [Segment], factor: Float = 1, pairs: Pairs = .halves) {
        let columns = segments.first?.frequencies.count ?? 0
        precondition(
            columns > 0 && segments.allSatisfy { $0.frequencies.count == columns },
            "\(segments.count) segments of \(columns) pairs and others")
        let rows = segments.reduce(0) { $0 + $1.longest }
        cosines = Matrix(rows: rows, columns: columns)
        sines = Matrix(rows: rows, columns: columns)
        self.pairs = pairs
        var row = 0
        for segment in segments {
            for position in 0..<segment.longest {
                for (pair, frequency) in segment.frequencies.enumerated() {
                    let angle = Float(position) * Float(frequency)
                    cosines.row(row)[pair] = cosf(angle) * factor
                    sines.row(row)[pair] = sinf(angle) * factor
                }
                row += 1
            }
        }
    }

    /// base^(−2j/D) for the D/2 pairs j of a head of D columns. Exponent, power and reciprocal are each rounded to Float32,
    /// as PyTorch has them: a third of the powers that are rounded once differ from its in the last place.
    package static func frequencies(base: Double, width: Int) -> [Double] {
        powers(base: base, width: width).map { Double(1 / $0) }
    }

    /// base^(2j/D), rounded likewise.
    package static func powers(base: Double, width: Int) -> [Float] {
        (0..<width / 2).map { Float(pow(base, Double(Float(2 * $0) / Float(width)))) }
    }
}
