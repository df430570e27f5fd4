import Matrices

/// Floats of a checkpoint that may lie in several places, one after the other, and are not copied to be written: matrices
/// among them go on with training, so they are good until the next step.
package struct SavedFloats: Sendable {
    private enum Piece: Sendable {
        case array([Float])
        case matrix(Matrix)
    }

    private let pieces: [Piece]
    package let count: Int

    package init(_ arrays: [[Float]]) {
        pieces = arrays.map { .array($0) }
        count = arrays.reduce(0) { $0 + $1.count }
    }

    package init(_ matrix: Matrix) {
        pieces = [.matrix(matrix)]
        count = matrix.count
    }

    package func forEachPiece(_ body: (UnsafeBufferPointer<Float>) throws -> Void) rethrows {
        for piece in pieces {
            switch piece {
            case .array(let values): try values.withUnsafeBufferPointer(body)
            case .matrix(let matrix): try body(matrix.buffer)
            }
        }
    }

    /// A copy
    package var values: [Float] {
        var values: [Float] = []
        values.reserveCapacity(count)
        forEachPiece { values.append(contentsOf: $0) }
        return values
    }
}
