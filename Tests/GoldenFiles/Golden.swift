import Foundation
import ModelFiles

/// Expected values made by PyTorch, PEFT and `tokenizers`; scripts/goldens says how. A missing file throws.
package enum Golden {
    package static func url(_ path: String) -> URL {
        repository.appendingPathComponent("Tests/Goldens/\(path)")
    }

    /// The top folder of the checkout.
    package static var repository: URL {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
    }

    package static func json(_ path: String) throws -> JSONValue { try JSONValue.read(url(path)) }

    package static func tensors(_ path: String) throws -> TensorStore { try TensorStore(file: url(path)) }

    package struct Missing: Error, CustomStringConvertible {
        package let description: String

        package init(description: String) { self.description = description }
    }

    /// Token ids, type ids and label (−1 when there is none) of each sequence of a `sequences` array.
    package static func sequences(_ json: JSONValue?) throws -> [(ids: [Int32], types: [Int32], label: Int32)]
    {
        guard let list = json?["sequences"]?.array, !list.isEmpty else {
            throw Missing(description: "the golden has no sequences")
        }
        return list.map { entry in
            let ids = (entry["ids"]?.array ?? []).compactMap(\.int).map(Int32.init)
            // Models without token types have goldens without them.
            let types = entry["types"]?.array.map { $0.compactMap(\.int).map(Int32.init) }
            return (ids, types ?? ids.map { _ in 0 }, Int32(entry["label"]?.int ?? -1))
        }
    }
}

extension TensorStore {
    /// All values of a tensor; a missing one throws.
    package func floats(_ name: String) throws -> [Float] {
        guard let info = info(name) else { throw Golden.Missing(description: "no tensor \(name) in \(path)") }
        var values = [Float](repeating: 0, count: info.elementCount)
        try values.withUnsafeMutableBufferPointer { try copyFloat32(name, into: $0) }
        return values
    }
}

/// Largest |a − b| over the scale of b's largest element; infinity for unequal counts or a NaN.
package func relativeError(_ a: [Float], _ b: [Float]) -> Double {
    guard a.count == b.count else { return .infinity }
    let scale = b.reduce(0) { max($0, abs(Double($1))) }
    var worst = 0.0
    for (x, y) in zip(a, b) {
        let error = abs(Double(x) - Double(y))
        if error.isNaN { return .infinity }
        worst = max(worst, error)
    }
    return scale > 0 ? worst / scale : worst
}
