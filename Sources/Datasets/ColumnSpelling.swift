/// Names of columns as a file spells them: as asked for, else as the only column that differs in capitals alone.
struct ColumnSpelling {
    private let exact: Set<String>
    private let byLetters: [String: [String]]

    init(_ existing: [String]) {
        exact = Set(existing)
        byLetters = Dictionary(grouping: existing) { $0.lowercased() }
    }

    /// `name` itself where no column is meant, or several could be.
    func of(_ name: String) -> String {
        if exact.contains(name) { return name }
        let near = byLetters[name.lowercased()] ?? []
        return near.count == 1 ? near[0] : name
    }
}
