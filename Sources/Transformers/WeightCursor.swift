import Autodiff
import Matrices
import ModelFiles

/// Takes weights out of a checkpoint by name and shape, and remembers which were taken.
///
/// As transformers reads them, each tensor's name may have the prefix of whole models (`bert.`) or not, and norms may
/// be spelled `gamma` and `beta`, as converted TensorFlow checkpoints do. Float32 weights are used where the file is
/// mapped, without a copy.
public final class WeightCursor {
    private let store: TensorStore
    /// In front of the names in whole models (`bert.`)
    private let prefix: String
    /// Tensors by the name that they have here: without prefix, in today's spelling. Several where a file has both.
    private let found: [String: [String]]
    private var taken: Set<String> = []

    /// - Parameter optionalPrefix: what the names may start with.
    public init(_ store: TensorStore, optionalPrefix: String) {
        self.store = store
        prefix = optionalPrefix
        found = Dictionary(grouping: store.tensors.map(\.name)) { name in
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

    public func contains(_ name: String) -> Bool { found[name] != nil }

    /// A matrix `[rows, columns]`; a vector is `[1, columns]`. It is called `name`, after the prefix if the tensor has it.
    public func parameter(_ name: String, rows: Int, columns: Int) throws -> Parameter {
        let fullName = try tensor(name)
        guard let info = store.info(fullName) else { throw missing(name) }
        let expected = rows == 1 ? [[columns], [1, columns]] : [[rows, columns]]
        guard expected.contains(info.shape) else {
            throw ModelFileError(
                file: store.path, place: fullName,
                problem: "the weight has shape \(info.shape), config.json asks for \(expected[0])",
                advice: "use the config.json that was saved with these weights")
        }
        let values = try values(fullName, rows, columns)
        // The check for NaN has read every page, of which some (rare words) may never be wanted again.
        store.releasePages(of: fullName)
        return Parameter(
            name: fullName.hasPrefix(prefix) ? prefix + name : name, values: values,
            whenPacked: { [store] in store.releasePages(of: fullName) })
    }

    /// The tensor of this name; of several with the same values the first. transformers takes one of them whatever the
    /// others hold.
    private func tensor(_ name: String) throws -> String {
        guard let names = found[name], let first = names.first, let info = store.info(first) else {
            throw missing(name)
        }
        for other in names.dropFirst() {
            let isSame =
                try store.info(other)?.elementType == info.elementType
                && store.info(other)?.shape == info.shape && store.bytes(other) == store.bytes(first)
            guard isSame else {
                throw ModelFileError(
                    file: store.path, place: first,
                    problem: "\(quoted(other)) is another spelling of the same weight, with other values",
                    advice: "remove the one that does not belong to the model")
            }
        }
        taken.formUnion(names)
        return first
    }

    /// Says what stands in the place of a weight, where a tensor looks like it.
    private func missing(_ name: String) -> ModelFileError {
        let fullName = (store.tensors.contains { $0.name.hasPrefix(prefix) } ? prefix : "") + name
        let names = store.tensors.map(\.name)
        if let other = names.first(where: { Self.spelled($0).hasSuffix("." + name) }) {
            let end = Self.spelled(other).count - name.count
            return ModelFileError(
                file: store.path, place: fullName,
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
                file: store.path, place: fullName,
                problem: "this weight is missing; \(quoted(other)) is there instead",
                advice:
                    "save the plain weights: without quantization, weight norm or adapters that wrap the module"
            )
        }
        return ModelFileError(
            file: store.path, place: fullName, problem: "this weight is missing",
            advice: "is this checkpoint of the architecture that config.json names, and complete?")
    }

    private func inside(_ name: String) -> String {
        name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : name
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
