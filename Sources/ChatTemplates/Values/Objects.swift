/// Values with an identity. Those that may hold one another are emptied when a rendering ends.

/// What `namespace()` makes: the only value that templates change.
final class Namespace {
    var members: [String: Value] = [:]
}

/// Values to be gone through once.
final class ValueIterator {
    private var items: [Value]
    let depth: Int

    init(_ items: [Value]) {
        self.items = items
        depth = 1 + items.reduce(0) { max($0, $1.depth) }
    }

    func take() -> [Value] {
        defer { items = [] }
        return items
    }
}

/// The variable `loop`.
final class Loop {
    let items: [Value]
    var index = 0
    var lastChecked: [Value]?

    init(items: [Value]) { self.items = items }

    func member(_ name: String) -> Value? {
        switch name {
        case "index": .integer(index + 1)
        case "index0": .integer(index)
        case "revindex": .integer(items.count - index)
        case "revindex0": .integer(items.count - index - 1)
        case "first": .bool(index == 0)
        case "last": .bool(index == items.count - 1)
        case "length": .integer(items.count)
        // Only recursive loops are deeper.
        case "depth": .integer(1)
        case "depth0": .integer(0)
        case "previtem":
            index > 0 ? items[index - 1] : .undefined("there is no previous item")
        case "nextitem":
            index + 1 < items.count ? items[index + 1] : .undefined("there is no next item")
        default: nil
        }
    }
}

/// Variables of a block. A name is looked up from the inside out.
final class Scope {
    var variables: [String: Value] = [:]
    let parent: Scope?
    private let setFirst: Set<String>
    private let names: Set<String>

    init(_ frame: Frame, in parent: Scope?) {
        self.parent = parent
        setFirst = frame.setFirst
        names = frame.names
    }

    /// What the template is given.
    init(_ variables: [String: Value]) {
        self.variables = variables
        parent = nil
        (setFirst, names) = ([], [])
    }

    subscript(name: String) -> Value? {
        var scope: Scope? = self
        while let current = scope {
            if let value = current.variables[name] { return value }
            if current.setFirst.contains(name), !current.isNamedAround(name) {
                return .undefined("'\(name)' is undefined")
            }
            scope = current.parent
        }
        return nil
    }

    private func isNamedAround(_ name: String) -> Bool {
        var scope = parent
        while let current = scope {
            if current.names.contains(name) { return true }
            scope = current.parent
        }
        return false
    }
}

/// A macro, or the body of a call block, with the variables around it.
final class Macro {
    let definition: MacroDefinition
    /// Nil once the rendering has ended.
    var scope: Scope?

    init(_ definition: MacroDefinition, in scope: Scope) {
        self.definition = definition
        self.scope = scope
    }
}
