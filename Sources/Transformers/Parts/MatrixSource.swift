import Matrices
import ModelFiles

/// A container where one matrix may be spread over several tensors, which no format of a single one describes.
protocol MatrixSource: TensorSource {
    /// The matrix [O, I] of a layer in the format it has; nil where a tensor holds all of it.
    func matrix(_ name: String) -> (any FrozenMatrix)?
}
