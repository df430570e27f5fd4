import Autodiff
import Matrices
import Messages
import ModelFiles

/// Takes weights out of a checkpoint by name and shape, and remembers which were taken.
///
/// As transformers reads them, each tensor's name may have the prefix of whole models (`bert.`) or not, and norms may
/// be spelled `gamma` and `beta`, as converted TensorFlow checkpoints do. Matrices are used where the file is mapped, in
/// its format, without a copy.
package final class WeightCursor {
    private let source: any TensorSource
    /// In front of the names in whole models (`bert.`)
    private let prefix: String
    /// Tensors by the name that they have here: without prefix, in today's spelling. Several where a file has both.
    private let found: [String: [String]]
    private var taken: Set<String> = []
    /// Of a model that nobody trained, which has whatever is asked for.
    private let initial: InitialTensors?

    /// - Parameter optionalPrefix: what the names may start with.
    package init(_ source: any TensorSource, optionalPrefix: String) {
        self.source = source
        initial = source as? InitialTensors
        prefix = optionalPrefix
        found = Dictionary(grouping: source.names) { name in
            Self.spelled(name.hasPrefix(optionalPrefix) ? String(name.dropFirst(optionalPrefix.count)) : name)
        }
    }

    /// A name with norms in today's spelling. transformers 5 renames them in `LayerNorm`, versions up to 4 in any module.
    private static func spelled(_ name: String) -> String {
        for (old, new) in [(".gamma", ".weight"), (".beta", ".bias")] where name.hasSuffix(old) {
            return name.dropLast(old.count) + new
        }
        return name
    }

    /// Whether two tensors of the file hold the same.
    func areSame(_ first: String, _ second: String) -> Bool {
        guard let first = found[first]?.first.flatMap(source.tensor),
            let second = found[second]?.first.flatMap(source.tensor)
        else { return false }
        return first.isSame(as: second)
    }

    /// Counts a tensor as taken that one with the same values stands for.
    func pass(over name: String) { taken.formUnion((found[name] ?? []).prefix(1)) }

    package func contains(_ name: String) -> Bool { found[name] != nil || initial != nil }

    /// A matrix `[rows, columns]`, in the format it has. It is called `name`, after the prefix if the tensor has it.
    ///
    /// - Parameters:
    ///   - isTransposed: the tensor is `[columns, rows]`, and the matrix a copy.
    ///   - shape: of the tensor, where that is neither.
    package func matrix(
        _ name: String, rows: Int, columns: Int, isTransposed: Bool = false, shape: [Int]? = nil
    ) throws -> Weight {
        if let initial {
            return Weight(
                name: prefix + name,
                matrix: Float32Weight(initial.values(name, rows: rows, columns: columns)),
                isStoredTransposed: isTransposed, savedShape: shape)
        }
        if isTransposed { return try transposed(name, rows, columns) }
        let shapes = rows == 1 ? [[columns], [1, columns]] : [[rows, columns]]
        let tensor = try tensor(name, shape.map { [$0] } ?? shapes)
        let matrix = try frozen(tensor, rows, columns)
        guard matrix.isFinite else { throw notFinite(tensor.name) }
        // The check has read every page, of which some (rare words) may never be wanted again.
        matrix.releasePages()
        return Weight(name: ownName(name, tensor), matrix: matrix, savedShape: shape)
    }

    /// Out of a tensor `[columns, rows]`. One that is not finite is no less so in another order.
    private func transposed(_ name: String, _ rows: Int, _ columns: Int) throws -> Weight {
        let tensor = try tensor(name, [isSpread(name) ? [rows, columns] : [columns, rows]])
        let matrix = try spread(tensor) ?? turned(tensor, rows, columns)
        tensor.releasePages()
        guard matrix.isFinite else { throw notFinite(tensor.name) }
        return Weight(name: ownName(name, tensor), matrix: matrix, isStoredTransposed: true)
    }

    /// In the tensor's format where that keeps each weight for itself, else as Float32.
    private func turned(_ tensor: StoredTensor, _ rows: Int, _ columns: Int) throws -> any FrozenMatrix {
        if let format = WeightFormat.named(tensor.format), format.blockWeights == 1,
            format.byteCount(rows: rows, columns: columns) == tensor.bytes.count,
            let bytes = TransposedBytes.of(
                tensor.bytes, rows: columns, columns: rows, elementBytes: format.blockBytes)
        {
            return format.open(rows: rows, columns: columns, WeightBytes(copying: bytes))
        }
        let matrix = Matrix(rows: rows, columns: columns)
        matrix.copyTransposed(from: try copy(tensor, columns, rows))
        return Float32Weight(matrix)
    }

    /// A vector, as Float32, called likewise.
    ///
    /// - Parameter shape: of the tensor, where that is neither [count] nor [1, count].
    package func vector(_ name: String, count: Int, shape: [Int]? = nil) throws -> Weight {
        if let initial {
            return Weight(
                name: prefix + name, vector: initial.values(name, rows: 1, columns: count), savedShape: shape)
        }
        let tensor = try tensor(name, shape.map { [$0] } ?? [[count], [1, count]])
        let values = try copy(tensor, 1, count)
        guard Kernel.allFinite(values) else { throw notFinite(tensor.name) }
        return Weight(name: ownName(name, tensor), vector: values, savedShape: shape)
    }

    private func ownName(_ name: String, _ tensor: StoredTensor) -> String {
        tensor.name.hasPrefix(prefix) ? prefix + name : name
    }

    /// The tensor of this name, of one of these shapes; of several with the same values the first. transformers takes one
    /// of them whatever the others hold.
    private func tensor(_ name: String, _ shapes: [[Int]]) throws -> StoredTensor {
        let tensors = (found[name] ?? []).compactMap(source.tensor)
        guard let first = tensors.first else { throw missing(name) }
        for other in tensors.dropFirst() where !other.isSame(as: first) {
            throw ModelFileError(
                file: source.path, place: first.name,
                problem: "\(quoted(other.name)) is another spelling of the same weight, with other values",
                advice: "remove the one that does not belong to the model")
        }
        taken.formUnion(tensors.map(\.name))
        guard shapes.contains(first.shape) else {
            throw ModelFileError(
                file: source.path, place: first.name,
                problem: "the weight has shape \(first.shape), config.json asks for \(shapes[0])",
                advice: "use the config.json that was saved with these weights")
        }
        return first
    }

    /// Whether this is a matrix of several tensors, of which each is as layers use it, whatever others of its name are.
    private func isSpread(_ name: String) -> Bool {
        found[name]?.first.flatMap(source.tensor).flatMap(spread) != nil
    }

    private func spread(_ tensor: StoredTensor) -> (any FrozenMatrix)? {
        (source as? any MatrixSource)?.matrix(tensor.name)
    }

    /// Other number formats than those that weights can be kept in become Float32.
    private func frozen(_ tensor: StoredTensor, _ rows: Int, _ columns: Int) throws -> any FrozenMatrix {
        if let matrix = spread(tensor) { return matrix }
        guard let format = WeightFormat.named(tensor.format),
            format.byteCount(rows: rows, columns: columns) == tensor.bytes.count
        else { return Float32Weight(try copy(tensor, rows, columns)) }
        return format.open(
            rows: rows, columns: columns,
            WeightBytes(tensor.bytes, of: tensor.owner) { tensor.releasePages() })
    }

    private func copy(_ tensor: StoredTensor, _ rows: Int, _ columns: Int) throws -> Matrix {
        let matrix = Matrix(rows: rows, columns: columns)
        try source.copyFloat32(
            tensor.name, into: UnsafeMutableBufferPointer(start: matrix.pointer, count: matrix.count))
        tensor.releasePages()
        return matrix
    }

    private func notFinite(_ name: String) -> ModelFileError {
        ModelFileError(
            file: source.path, place: name, problem: "the weight holds NaN or infinite values",
            advice: "download the checkpoint again or take another one")
    }

    /// Says what stands in the place of a weight, where a tensor looks like it.
    private func missing(_ name: String) -> ModelFileError {
        let fullName = (source.names.contains { $0.hasPrefix(prefix) } ? prefix : "") + name
        let names = source.names
        if let other = names.first(where: { Self.spelled($0).hasSuffix("." + name) }) {
            let end = Self.spelled(other).count - name.count
            return ModelFileError(
                file: source.path, place: fullName,
                problem: "this weight is missing; \(quoted(other)) is there instead",
                advice:
                    "if it is the same model, save it with names that begin with \"\(prefix)\" or with nothing, in place of "
                    + "\"\(oneLine(String(other.prefix(end)), limit: 80))\"; transformers reads no others either"
            )
        }
        let module = name.split(separator: ".").dropLast().joined(separator: ".") + "."
        let usual = [module + "weight", module + "bias"]
        if let other = names.first(where: { name in
            inside(name).hasPrefix(module) && !usual.contains(Self.spelled(inside(name)))
        }) {
            return ModelFileError(
                file: source.path, place: fullName,
                problem: "this weight is missing; \(quoted(other)) is there instead",
                advice:
                    "save the plain weights: without quantization, weight norm or adapters that wrap the module"
            )
        }
        return ModelFileError(
            file: source.path, place: fullName, problem: "this weight is missing",
            advice: "is this checkpoint of the architecture that config.json names, and complete?")
    }

    private func inside(_ name: String) -> String {
        name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : name
    }

    /// Tensors in the file that nothing asked for, buffers such as `position_ids` excepted.
    package func unusedNames(ignoring isBuffer: (String) -> Bool) -> [String] {
        source.names.filter { !taken.contains($0) && !isBuffer($0) }
    }
}
