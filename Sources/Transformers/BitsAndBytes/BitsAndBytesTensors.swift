import Matrices
import Messages
import ModelFiles

/// The tensors of a folder that bitsandbytes packed: a matrix of NF4 or of LLM.int8 is one tensor here, by its name and shape
/// as they were before, and what it is unpacked with (`W.absmax`, `SCB` …) is none.
///
/// Everything is checked when the folder is opened but the values, which the check for NaN reads through `matrix`.
package final class BitsAndBytesTensors: MatrixSource {
    package var path: String { store.path }
    package let names: [String]
    private let store: TensorStore
    private let packed: [String: BitsAndBytesMatrix]

    /// Throws `ModelFileError` naming a tensor that does not fit.
    package init(_ store: TensorStore) throws {
        self.store = store
        var packed: [String: BitsAndBytesMatrix] = [:]
        var parts: Set<String> = []
        for name in store.names {
            guard let matrix = try BitsAndBytesMatrix(describedBy: name, in: store) else { continue }
            packed[matrix.name] = matrix
            parts.formUnion(matrix.partNames)
        }
        self.packed = packed
        names = store.names.filter { !parts.contains($0) }
        for name in names { try Self.refuse(orphan: name, in: store) }
    }

    /// Part of a matrix without what says how it is unpacked.
    private static func refuse(orphan name: String, in store: TensorStore) throws {
        if name.hasSuffix(BitsAndBytesMatrix.layoutEnding) {
            let scales =
                name.dropLast(BitsAndBytesMatrix.layoutEnding.count) + BitsAndBytesMatrix.scalesEnding
            throw ModelFileError(
                file: store.path, place: "tensor \(quoted(name))",
                problem: "there is no \(quoted(String(scales))), which its bytes are unpacked with",
                advice: BitsAndBytesFile.advice)
        }
        guard let part = BitsAndBytesMatrix.partEndings.first(where: name.hasSuffix) else { return }
        let matrix = String(name.dropLast(part.count))
        throw ModelFileError(
            file: store.path, place: "tensor \(quoted(name))",
            problem:
                "there is no \(quoted(matrix + BitsAndBytesMatrix.stateEnding + "nf4")), which says how it is used",
            advice: "download the model again, or save it with a bitsandbytes from version 0.43 on")
    }

    package func tensor(_ name: String) -> StoredTensor? {
        guard let stored = store.tensor(name) else { return nil }
        guard let matrix = packed[name] else { return stored }
        return stored.described(format: matrix.format, shape: [matrix.rows, matrix.columns])
    }

    package func matrix(_ name: String) -> (any FrozenMatrix)? { packed[name]?.open() }

    package func copyFloat32(_ name: String, into destination: UnsafeMutableBufferPointer<Float>) throws {
        guard let matrix = packed[name]?.open() else {
            return try store.copyFloat32(name, into: destination)
        }
        precondition(
            destination.count == matrix.rows * matrix.columns,
            "tensor \(name) has \(matrix.rows * matrix.columns) elements, the destination has \(destination.count)"
        )
        guard let base = destination.baseAddress else { return }
        matrix.unpack(0..<matrix.rows, into: base)
    }
}
