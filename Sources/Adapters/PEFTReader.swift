import Foundation
import Matrices
import ModelFiles
import Transformers

/// Takes the tensors of an adapter's file, and remembers which were taken.
final class PEFTReader {
    let store: any TensorSource
    private(set) var taken: Set<String> = []
    /// `bert.` where the file's names do without it: the adapter was trained on the backbone alone (PEFT's task
    /// `FEATURE_EXTRACTION`).
    private let left: String
    /// Whose modules the file calls as transformers did before it named them anew; nil where it does not.
    private let earlier: Architecture?

    init(store: any TensorSource, architecture: Architecture? = nil) {
        self.store = store
        left = architecture.map { Self.isOfBackboneAlone(store, $0) ? $0.prefix : "" } ?? ""
        earlier = architecture.flatMap { architecture in
            store.names.contains { architecture.moduleName($0) != $0 } ? architecture : nil
        }
    }

    /// Whether an adapter was trained on the backbone alone, without any head.
    static func isOfBackboneAlone(_ store: any TensorSource, _ architecture: Architecture) -> Bool {
        let parts = architecture.parts.map { PEFTForm.prefix + $0 }
        return !store.names.contains { $0.hasPrefix(PEFTForm.prefix + architecture.prefix) }
            && store.names.contains { name in parts.contains(where: name.hasPrefix) }
    }

    var isOfBackboneAlone: Bool { !left.isEmpty }

    /// A module's path as PEFT saw it, from the path in transformers' whole model.
    func path(_ module: String) -> String {
        let path = module.hasPrefix(left) ? String(module.dropFirst(left.count)) : module
        return earlier?.storedName(path) ?? path
    }

    /// The path in transformers' whole model; nil for what is no part of the adapted model.
    func wholePath(_ name: String) -> String? {
        guard name.hasPrefix(PEFTForm.prefix) else { return nil }
        let path = left + name.dropFirst(PEFTForm.prefix.count)
        return earlier?.moduleName(path) ?? path
    }

    func take(_ name: String) { taken.insert(name) }

    static func missing(_ name: String, in store: any TensorSource, _ why: String?) -> ModelFileError {
        ModelFileError(
            kind: .missing, file: store.path, place: name,
            problem: "the tensor is missing" + (why.map { ", though \($0)" } ?? ""),
            advice: "use the folder as it was saved")
    }

    func fault(_ problem: String, _ advice: String, at place: String? = nil) -> ModelFileError {
        ModelFileError(file: store.path, place: place, problem: problem, advice: advice)
    }

    func matrix(_ name: String, _ shape: [Int], rows: Int? = nil, columns: Int? = nil) throws -> Matrix {
        guard let info = store.tensor(name) else { throw Self.missing(name, in: store, nil) }
        guard info.shape == shape else {
            throw ModelFileError(
                file: store.path, place: name, problem: "shape \(info.shape), this model needs \(shape)",
                advice: "was the adapter trained on another base model?")
        }
        let matrix = Matrix(rows: rows ?? shape[0], columns: columns ?? shape[1])
        try store.copyFloat32(
            name, into: UnsafeMutableBufferPointer(start: matrix.pointer, count: matrix.count))
        guard Kernel.allFinite(matrix) else {
            throw ModelFileError(
                file: store.path, place: name, problem: "the tensor holds NaN or infinite values",
                advice: "the training that wrote it went wrong; take another adapter")
        }
        taken.insert(name)
        return matrix
    }
}
