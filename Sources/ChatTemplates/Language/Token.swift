/// A piece of a template's source.
struct Token: Sendable {
    enum Kind: Sendable, Equatable {
        /// Text between tags, white space already taken away.
        case data(String)
        case variableBegin, variableEnd, blockBegin, blockEnd
        case name(String)
        case string(String)
        case integer(Int)
        case float(Double)
        case symbol(String)
        case end
    }

    let kind: Kind
    let line: Int

    var name: String? { if case .name(let name) = kind { name } else { nil } }
    var symbol: String? { if case .symbol(let symbol) = kind { symbol } else { nil } }

    /// For messages.
    var summary: String {
        switch kind {
        case .data: "text"
        case .variableBegin: "'{{'"
        case .variableEnd: "'}}'"
        case .blockBegin: "'{%'"
        case .blockEnd: "'%}'"
        case .name(let name): "'\(name)'"
        case .string: "a string"
        case .integer, .float: "a number"
        case .symbol(let symbol): "'\(symbol)'"
        case .end: "the end of the template"
        }
    }
}

/// Words that mean something in an expression.
enum Keywords {
    static let constants: Set<String> = ["true", "false", "none", "True", "False", "None"]
}
