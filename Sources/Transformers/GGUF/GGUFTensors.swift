import ModelFiles

/// The tensors of a GGUF by transformers' names.
final class GGUFTensors: TensorSource {
    let path: String
    let names: [String]
    private let file: GGUFFile
    /// As they are stored, by their name here
    private let stored: [String: String]

    /// Tensors without a name at transformers keep their own; those that became settings (`rope_freqs.weight`) are left out.
    init(_ file: GGUFFile, form: GGUFForm) {
        self.file = file
        path = file.path
        var stored: [String: String] = [:]
        for name in file.names where !Self.settings.contains(name) {
            stored[form.ownName(name) ?? name] = name
        }
        self.stored = stored
        names = stored.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    private static let settings: Set = [
        "rope_freqs.weight", "rope_factors_long.weight", "rope_factors_short.weight",
    ]

    func tensor(_ name: String) -> StoredTensor? {
        stored[name].flatMap(file.tensor).map { $0.renamed(name) }
    }

    func copyFloat32(_ name: String, into destination: UnsafeMutableBufferPointer<Float>) throws {
        try file.copyFloat32(stored[name] ?? name, into: destination)
    }
}
