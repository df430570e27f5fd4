import Autodiff
import Matrices
import ModelFiles

/// Takes weights out of a checkpoint by name and shape, and remembers which were taken.
///
/// Float32 weights are used where the file is mapped, without a copy.
public final class WeightCursor {
    private let store: TensorStore
    /// Put in front of each name if the checkpoint was saved with it (`bert.`).
    private let prefix: String
    private var taken: Set<String> = []

    /// - Parameter optionalPrefix: used if any tensor in the file starts with it.
    public init(_ store: TensorStore, optionalPrefix: String) {
        self.store = store
        prefix = store.tensors.contains { $0.name.hasPrefix(optionalPrefix) } ? optionalPrefix : ""
    }

    public func contains(_ name: String) -> Bool { store.info(prefix + name) != nil }

    /// A matrix `[rows, columns]`; a vector is `[1, columns]`.
    public func parameter(_ name: String, rows: Int, columns: Int) throws -> Parameter {
        let fullName = prefix + name
        guard let info = store.info(fullName) else {
            throw ModelFileError(
                file: store.path, place: fullName, problem: "this weight is missing",
                advice: "is this checkpoint of the architecture that config.json names, and complete?")
        }
        let expected = rows == 1 ? [[columns], [1, columns]] : [[rows, columns]]
        guard expected.contains(info.shape) else {
            throw ModelFileError(
                file: store.path, place: fullName,
                problem: "the weight has shape \(info.shape), config.json asks for \(expected[0])",
                advice: "use the config.json that was saved with these weights")
        }
        taken.insert(fullName)
        let values = try values(fullName, rows, columns)
        // The check for NaN has read every page, of which some (rare words) may never be wanted again.
        store.releasePages(of: fullName)
        return Parameter(
            name: fullName, values: values, whenPacked: { [store] in store.releasePages(of: fullName) })
    }

    private func values(_ name: String, _ rows: Int, _ columns: Int) throws -> Matrix {
        let matrix: Matrix
        if let mapped = try store.mappedFloat32(name) {
            matrix = Matrix(
                rows: rows, columns: columns, borrowing: UnsafeMutablePointer(mutating: mapped.pointer),
                from: mapped.owner)
        } else {
            matrix = Matrix(rows: rows, columns: columns)
            try store.copyFloat32(
                name, into: UnsafeMutableBufferPointer(start: matrix.pointer, count: matrix.count))
        }
        guard Kernel.allFinite(matrix) else {
            throw ModelFileError(
                file: store.path, place: name, problem: "the weight holds NaN or infinite values",
                advice: "download the checkpoint again or take another one")
        }
        return matrix
    }

    /// Tensors in the file that nothing asked for, buffers such as `position_ids` excepted.
    public func unusedNames(ignoring isBuffer: (String) -> Bool) -> [String] {
        store.tensors.map(\.name).filter { !taken.contains($0) && !isBuffer($0) }
    }
}

extension Parameter {
    /// The shape that a checkpoint of transformers has for it: biases and norms have one dimension.
    public var savedShape: [Int] {
        let isVector = name.hasSuffix(".bias") || name.contains("LayerNorm") || name.contains("layer_norm")
        return isVector ? [values.columns] : [values.rows, values.columns]
    }
}
