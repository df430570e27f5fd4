import Autodiff
import Matrices
import ModelFiles

/// A tensor of a model as a GGUF has it: by llama.cpp's name, in llama.cpp's order of rows.
package struct GGUFModelTensor: Sendable {
    /// Passes all values, whole rows at a time and in order, to the closure it is given.
    package typealias Values = @Sendable (_ body: (UnsafeBufferPointer<Float>) throws -> Void) throws -> Void

    package enum Content: Sendable {
        /// As it stands in a GGUF already.
        case stored(StoredTensor)
        /// To be rounded to some format.
        case values(Values)
    }

    package let name: String
    /// Slowest dimension first
    package let shape: [Int]
    /// In the model's own file; nil of values that no file has.
    package let format: String?
    package let content: Content

    package init(name: String, shape: [Int], format: String?, content: Content) {
        (self.name, self.shape, self.format, self.content) = (name, shape, format, content)
    }

    package var isMatrix: Bool { shape.count > 1 }

    /// Passes the rows of a matrix that is made when they are wanted.
    package static func values(_ make: @escaping @Sendable () -> Matrix) -> Values {
        { body in
            let matrix = make()
            try withExtendedLifetime(matrix) { try body(matrix.buffer) }
        }
    }

    /// Passes the values of a weight, some rows at a time.
    package static func values(of weight: Weight) -> Values {
        { body in
            var failure: (any Error)?
            weight.forEachTile { _, values in
                guard failure == nil else { return }
                do { try body(values) } catch { failure = error }
            }
            weight.releasePages()
            if let failure { throw failure }
        }
    }
}
