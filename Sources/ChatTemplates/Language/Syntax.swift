/// An expression of a template.
struct Expression: Sendable {
    indirect enum Kind: Sendable {
        case none
        case bool(Bool)
        case integer(Int)
        case float(Double)
        case text(MarkedText)
        case name(String)
        case list([Expression])
        case tuple([Expression])
        case dictionary([(key: Expression, value: Expression)])
        case attribute(Expression, String)
        case item(Expression, Expression)
        case slice(Expression, start: Expression?, stop: Expression?, step: Expression?)
        case call(Expression, CallArguments)
        case filter(Expression, String, CallArguments)
        case test(Expression, String, CallArguments)
        case negative(Expression)
        case positive(Expression)
        case not(Expression)
        case and(Expression, Expression)
        case or(Expression, Expression)
        case arithmetic(Expression, ArithmeticOperator, Expression)
        case concatenation([Expression])
        case comparison(Expression, [(ComparisonOperator, Expression)])
        case conditional(Expression, then: Expression, otherwise: Expression?)
    }

    let kind: Kind
    let line: Int
    /// How many expressions stand inside one another.
    let depth: Int
}

enum ArithmeticOperator: String, Sendable {
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    case divide = "/"
    case floorDivide = "//"
    case remainder = "%"
    case power = "**"
}

enum ComparisonOperator: String, Sendable {
    case equal = "=="
    case unequal = "!="
    case less = "<"
    case atMost = "<="
    case greater = ">"
    case atLeast = ">="
    case isIn = "in"
    case isNotIn = "not in"
}

struct CallArguments: Sendable {
    var positional: [Expression] = []
    var keywords: [(name: String, value: Expression)] = []

    var depth: Int {
        max(positional.reduce(0) { max($0, $1.depth) }, keywords.reduce(0) { max($0, $1.value.depth) })
    }
}

/// What a value is assigned to.
indirect enum Target: Sendable {
    case name(String)
    case namespaceMember(String, String)
    case tuple([Target])

    /// The names that are set.
    var names: Set<String> {
        switch self {
        case .name(let name): [name]
        case .namespaceMember: []
        case .tuple(let targets): targets.reduce(into: []) { $0.formUnion($1.names) }
        }
    }
}

struct FilterUse: Sendable {
    let name: String
    let arguments: CallArguments
    let line: Int
}

/// A statement of a template.
struct Statement: Sendable {
    indirect enum Kind: Sendable {
        case text(MarkedText)
        case print(Expression)
        case conditional([(test: Expression, body: [Statement])], otherwise: [Statement])
        case loop(LoopStatement)
        case assignment(Target, Expression)
        case blockAssignment(Target, [FilterUse], Frame)
        case macro(MacroDefinition)
        case callBlock(Expression, MacroDefinition)
        case filterBlock([FilterUse], Frame)
        case with([(Target, Expression)], Frame)
        case generation(Frame)
        case breakLoop
        case continueLoop
    }

    let kind: Kind
    let line: Int
}

struct LoopStatement: Sendable {
    let target: Target
    let items: Expression
    let condition: Expression?
    let body: Frame
    let otherwise: Frame
}

/// A macro, or what a call block gives as `caller`.
struct MacroDefinition: Sendable {
    let name: String
    let parameters: [(name: String, value: Expression?)]
    let body: Frame
    /// Whether the body names `varargs` and `kwargs`: only then Jinja2 takes more arguments than parameters.
    let takesMore: Bool
    let takesMoreKeywords: Bool
    let takesCaller: Bool
}
