import ModelFiles

/// The tokens of a folder's vocabulary, looked up by name.
struct StoredVocabulary {
    let count: Int
    /// Largest id + 1
    let size: Int
    let index: TokenizerFile.Index

    /// - Parameter model: the `model` section of a `tokenizer.json`. Faults of a list with scores are told where that
    ///   list is read.
    init(model: JSONValue?, _ path: String) throws {
        if let members = model?["vocab"]?.object?.members {
            self.init(try TokenizerFile.checked(members.map { ($0.key, $0.value.int) }, path))
        } else if let entries = model?["vocab"]?.array {
            self.init(
                entries.enumerated().compactMap { id, entry in
                    entry.array?.first?.string.map { ($0, Int32(id)) }
                })
        } else {
            throw TokenizerError(file: path, problem: "there is no model.vocab")
        }
    }

    init(_ entries: [(token: String, id: Int32)]) {
        count = entries.count
        size = Int(entries.map(\.id).max() ?? -1) + 1
        index = TokenizerFile.Index(entries)
    }

    func id(of token: String) -> Int32? { index.id(of: token) }
}
