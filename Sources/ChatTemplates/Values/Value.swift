/// A value of a template, with the behaviour of Python's of the same kind.
struct Value {
    enum Kind {
        /// What a missing name or member gives; the text says what is missing.
        case undefined(String)
        case none
        case bool(Bool)
        case integer(Int)
        /// An integer of the data beyond `Int`: it can be shown and compared for equality, no more.
        case largeInteger(String)
        case float(Double)
        case text(MarkedText)
        case list(ValueList)
        case tuple(ValueList)
        case dictionary(ValueDictionary)
        /// What `keys`, `values` and `items` of a dictionary give.
        case view(String, ValueList)
        case range(ValueRange)
        /// What `map`, `select` and others give: to be gone through once.
        case iterator(ValueIterator)
        case namespace(Namespace)
        case loop(Loop)
        case macro(Macro)
        /// A function by its name.
        case function(String)
        indirect case method(Method)
    }

    var kind: Kind
    /// Whether a number, truth value or container comes from data; a text knows it of each character.
    var isData = false

    init(_ kind: Kind, isData: Bool = false) {
        self.kind = kind
        self.isData = isData
    }

    static var null: Value { Value(.none) }
    static func undefined(_ what: String) -> Value { Value(.undefined(what)) }
    static func bool(_ value: Bool) -> Value { Value(.bool(value)) }
    static func integer(_ value: Int, isData: Bool = false) -> Value {
        Value(.integer(value), isData: isData)
    }
    static func float(_ value: Double, isData: Bool = false) -> Value { Value(.float(value), isData: isData) }
    static func text(_ value: MarkedText) -> Value { Value(.text(value)) }
    static func text(_ value: String) -> Value { Value(.text(MarkedText(value))) }
    static func list(_ items: [Value], isData: Bool = false) -> Value {
        Value(.list(ValueList(items)), isData: isData)
    }
    static func tuple(_ items: [Value], isData: Bool = false) -> Value {
        Value(.tuple(ValueList(items)), isData: isData)
    }
    static func iterator(_ items: [Value], isData: Bool = false) -> Value {
        Value(.iterator(ValueIterator(items)), isData: isData)
    }

    /// A method and what it is called on.
    struct Method {
        let name: String
        let receiver: Kind
        let isData: Bool
    }

    var isUndefined: Bool { if case .undefined = kind { true } else { false } }
    var isNone: Bool { if case .none = kind { true } else { false } }
    var text: MarkedText? { if case .text(let text) = kind { text } else { nil } }

    /// An integer, or a truth value as one.
    var integer: Int? {
        switch kind {
        case .integer(let value): value
        case .bool(let value): value ? 1 : 0
        default: nil
        }
    }

    /// Any number as a `Double`.
    var double: Double? {
        if case .float(let value) = kind { return value }
        return integer.map(Double.init)
    }

    var isTrue: Bool {
        switch kind {
        case .undefined, .none: false
        case .bool(let value): value
        case .integer(let value): value != 0
        case .float(let value): value != 0
        case .text(let text): !text.isEmpty
        case .list(let list), .tuple(let list), .view(_, let list): !list.items.isEmpty
        case .dictionary(let dictionary): dictionary.count > 0
        case .range(let range): range.count > 0
        case .largeInteger, .iterator, .namespace, .loop, .macro, .function, .method: true
        }
    }

    /// Python's name of the type, for messages.
    var typeName: String {
        switch kind {
        case .undefined: "Undefined"
        case .none: "None"
        case .bool: "bool"
        case .integer, .largeInteger: "int"
        case .float: "float"
        case .text: "str"
        case .list: "list"
        case .tuple: "tuple"
        case .dictionary: "dict"
        case .view(let name, _): name
        case .range: "range"
        case .iterator: "generator"
        case .namespace: "Namespace"
        case .loop: "LoopContext"
        case .macro: "Macro"
        case .function: "function"
        case .method: "method"
        }
    }

    /// How many containers stand inside one another.
    var depth: Int {
        switch kind {
        case .list(let list), .tuple(let list), .view(_, let list): list.depth
        case .dictionary(let dictionary): dictionary.depth
        case .iterator(let iterator): iterator.depth
        case .method(let method): Value(method.receiver).depth + 1
        default: 0
        }
    }

    /// Python's `len`; nil for what has none.
    var length: Int? {
        switch kind {
        case .undefined: 0
        case .text(let text): text.count
        case .list(let list), .tuple(let list), .view(_, let list): list.items.count
        case .dictionary(let dictionary): dictionary.count
        case .range(let range): range.count
        case .loop(let loop): loop.items.count
        default: nil
        }
    }

    var isIterable: Bool {
        switch kind {
        case .undefined, .text, .list, .tuple, .dictionary, .view, .range, .iterator, .loop: true
        default: false
        }
    }

    /// What a loop goes through.
    func items(_ meter: Meter) throws -> [Value] {
        if let length { try meter.charge(length) }
        switch kind {
        case .undefined: return []
        case .text(let text):
            return text.scalars.indices.map { place in
                var character = text[place]
                character.isSafe = false
                return .text(character)
            }
        case .list(let list), .tuple(let list), .view(_, let list): return list.items
        case .dictionary(let dictionary): return dictionary.keys
        case .range(let range): return range.values.map { .integer($0, isData: isData) }
        case .iterator(let iterator): return iterator.take()
        default: throw Fault.evaluation("'\(typeName)' object is not iterable")
        }
    }
}
