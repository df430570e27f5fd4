/// Names of modules that transformers 5 has changed: its files, and those of versions before, have others than its classes and
/// the adapters that PEFT puts on them. What it loads may have either.
struct ModuleSpelling: Sendable {
    /// Parts of names in files, and in classes, in the order in which they are replaced.
    let parts: [(stored: String, module: String)]
    /// The same of modules that are written by the names of classes.
    var readParts: [(stored: String, module: String)] = []
    /// Modules that files may have as one, whose rows are those of several, one after the other.
    var fused: [(stored: String, modules: [String])] = []

    func module(_ name: String) -> String {
        (parts + readParts).reduce(name) { $0.replacing($1.stored, with: $1.module) }
    }

    func stored(_ name: String) -> String {
        parts.reversed().reduce(name) { $0.replacing($1.module, with: $1.stored) }
    }
}
