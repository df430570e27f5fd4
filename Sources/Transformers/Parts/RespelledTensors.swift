import Matrices
import ModelFiles

/// The tensors of a checkpoint by the names that transformers' classes have for them, whichever of both the file has; a tensor
/// that stands for several modules is several.
final class RespelledTensors: MatrixSource {
    var path: String { source.path }
    let names: [String]
    private let source: any TensorSource
    private let places: [String: Place]

    private struct Place {
        let stored: String
        /// Which of so many equal parts of the rows; nil for all.
        let part: (index: Int, count: Int)?
    }

    init(_ source: any TensorSource, _ spelling: ModuleSpelling) {
        self.source = source
        var places: [String: Place] = [:]
        var others: [String] = []
        for stored in source.names {
            for (name, place) in Self.places(of: stored, spelling) {
                // A file with both spellings keeps the second under its own, where nobody takes it.
                if places[name] == nil { places[name] = place } else { others.append(stored) }
            }
        }
        for stored in others where places[stored] == nil { places[stored] = Place(stored: stored, part: nil) }
        self.places = places
        names = places.keys.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
    }

    private static func places(of stored: String, _ spelling: ModuleSpelling) -> [(String, Place)] {
        for fused in spelling.fused where stored.contains(fused.stored) {
            return fused.modules.enumerated().map { index, module in
                (
                    spelling.module(stored.replacing(fused.stored, with: module)),
                    Place(stored: stored, part: (index, fused.modules.count))
                )
            }
        }
        return [(spelling.module(stored), Place(stored: stored, part: nil))]
    }

    func tensor(_ name: String) -> StoredTensor? {
        guard let place = places[name], let tensor = source.tensor(place.stored) else { return nil }
        guard let part = place.part else { return tensor.renamed(name) }
        // One that has no such parts is shown whole, and refused for its shape.
        return (tensor.part(part.index, of: part.count) ?? tensor).renamed(name)
    }

    func matrix(_ name: String) -> (any FrozenMatrix)? {
        guard let place = places[name], place.part == nil else { return nil }
        return (source as? any MatrixSource)?.matrix(place.stored)
    }

    func copyFloat32(_ name: String, into destination: UnsafeMutableBufferPointer<Float>) throws {
        guard let place = places[name], let part = place.part,
            let whole = source.tensor(place.stored), whole.part(part.index, of: part.count) != nil
        else { return try source.copyFloat32(places[name]?.stored ?? name, into: destination) }
        var all = [Float](repeating: 0, count: whole.shape.reduce(1, *))
        try all.withUnsafeMutableBufferPointer { try source.copyFloat32(place.stored, into: $0) }
        let count = all.count / part.count
        _ = destination.update(fromContentsOf: all[part.index * count..<(part.index + 1) * count])
    }
}
