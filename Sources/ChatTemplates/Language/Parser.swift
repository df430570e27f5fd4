/// Reads the statements of a template as Jinja2's parser does; expressions are in `Parser+Expressions.swift`.
struct Parser {
    private let tokens: [Token]
    private var at = 0
    let depthLimit: Int
    private var depth = 0
    /// Loops around the current place, of the macro it is in.
    private var loops = 0
    private var isGeneration = false
    /// Names read in the macros around the current place.
    private var namesInMacros: [Set<String>] = []

    struct Failure: Error {
        let fault: Fault
        let line: Int
    }

    /// - Throws: `Failure` or `Lexer.Failure`.
    static func frame(_ source: String, depthLimit: Int) throws -> Frame {
        var parser = Parser(tokens: try Lexer.tokens(source), depthLimit: depthLimit)
        let (statements, end) = try parser.body(until: [])
        guard end == nil else { throw parser.failure("an end without its beginning") }
        return Frame(statements)
    }

    private init(tokens: [Token], depthLimit: Int) {
        self.tokens = tokens
        self.depthLimit = depthLimit
    }

    // MARK: Tokens

    /// The list ends with an `end` that is never passed.
    var current: Token { tokens[at] }
    var next: Token { tokens[min(at + 1, tokens.count - 1)] }

    mutating func advance() { at = min(at + 1, tokens.count - 1) }

    func failure(_ problem: String) -> Failure { Failure(fault: .syntax(problem), line: current.line) }

    func unsupported(_ what: String) -> Failure {
        Failure(fault: .unsupported(what), line: current.line)
    }

    /// Passes over the symbol; false, and no change, where something else is.
    mutating func skip(symbol: String) -> Bool {
        guard current.symbol == symbol else { return false }
        advance()
        return true
    }

    mutating func skip(name: String) -> Bool {
        guard current.name == name else { return false }
        advance()
        return true
    }

    mutating func expect(symbol: String) throws {
        guard skip(symbol: symbol) else { throw failure("\(current.summary) where '\(symbol)' should be") }
    }

    mutating func expectName() throws -> String {
        guard let name = current.name else { throw failure("\(current.summary) where a name should be") }
        advance()
        return name
    }

    private mutating func expectBlockEnd() throws {
        guard current.kind == .blockEnd else { throw failure("\(current.summary) where '%}' should be") }
        advance()
    }

    /// Bounds the recursion of everything that may stand inside itself.
    mutating func nested<Result>(_ read: (inout Parser) throws -> Result) throws -> Result {
        guard depth < depthLimit else { throw tooDeep() }
        depth += 1
        defer { depth -= 1 }
        return try read(&self)
    }

    func tooDeep() -> Failure {
        Failure(
            fault: .limit("blocks and expressions are nested deeper than \(depthLimit) levels"),
            line: current.line)
    }

    mutating func note(name: String) {
        for place in namesInMacros.indices { namesInMacros[place].insert(name) }
    }

    // MARK: Statements

    /// Statements up to a block that one of `ends` opens, which is passed over, or up to the end of the template.
    private mutating func body(until ends: Set<String>) throws -> (statements: [Statement], end: String?) {
        var statements: [Statement] = []
        while true {
            let line = current.line
            switch current.kind {
            case .data(let text):
                advance()
                statements.append(Statement(kind: .text(MarkedText(text)), line: line))
            case .variableBegin:
                advance()
                let value = try tupleExpression()
                guard current.kind == .variableEnd else {
                    throw failure("\(current.summary) where '}}' should be")
                }
                advance()
                statements.append(Statement(kind: .print(value), line: line))
            case .blockBegin:
                advance()
                let name = try expectName()
                if ends.contains(name) { return (statements, name) }
                let kind = try nested { try $0.statement(name) }
                statements.append(Statement(kind: kind, line: line))
            case .end:
                guard ends.isEmpty else {
                    throw failure(
                        "the template ends where {% \(ends.first { $0.hasPrefix("end") } ?? "") %} should be")
                }
                return (statements, nil)
            default: throw failure("\(current.summary) where text or a tag should be")
            }
        }
    }

    /// A body behind the end of its tag, up to the end of its last tag.
    private mutating func wholeBody(until end: String) throws -> [Statement] {
        try expectBlockEnd()
        let statements = try body(until: [end]).statements
        try expectBlockEnd()
        return statements
    }

    private mutating func statement(_ name: String) throws -> Statement.Kind {
        switch name {
        case "if": return try conditional()
        case "for": return try loop()
        case "set": return try assignment()
        case "macro": return try macro()
        case "call": return try callBlock()
        case "filter":
            let filters = try filterUses()
            return .filterBlock(filters, Frame(try wholeBody(until: "endfilter")))
        case "with": return try with()
        case "generation": return try generation()
        case "break", "continue":
            guard loops > 0 else { throw failure("'\(name)' outside a loop") }
            try expectBlockEnd()
            return name == "break" ? .breakLoop : .continueLoop
        case "include", "import", "from", "extends", "block", "autoescape", "trans", "do", "debug":
            throw unsupported("the statement '\(name)'")
        default: throw failure("the unknown tag '\(name)'")
        }
    }

    private mutating func conditional() throws -> Statement.Kind {
        var branches: [(test: Expression, body: [Statement])] = []
        while true {
            let test = try tupleExpression(allowsConditional: false)
            try expectBlockEnd()
            let (statements, end) = try body(until: ["elif", "else", "endif"])
            branches.append((test, statements))
            guard end != "elif" else { continue }
            guard end == "else" else {
                try expectBlockEnd()
                return .conditional(branches, otherwise: [])
            }
            return .conditional(branches, otherwise: try wholeBody(until: "endif"))
        }
    }

    private mutating func loop() throws -> Statement.Kind {
        let target = try assignmentTarget(allowsNamespace: false)
        guard skip(name: "in") else { throw failure("\(current.summary) where 'in' should be") }
        let items = try tupleExpression(allowsConditional: false, ends: ["recursive"])
        let condition = skip(name: "if") ? try expression() : nil
        if current.name == "recursive" { throw unsupported("a recursive loop") }
        try expectBlockEnd()
        loops += 1
        let (statements, end) = try body(until: ["else", "endfor"])
        loops -= 1
        var otherwise: [Statement] = []
        if end == "else" { otherwise = try wholeBody(until: "endfor") } else { try expectBlockEnd() }
        return .loop(
            LoopStatement(
                target: target, items: items, condition: condition,
                body: Frame(statements, targets: target.names.union(["loop"])), otherwise: Frame(otherwise)))
    }

    private mutating func assignment() throws -> Statement.Kind {
        let target = try assignmentTarget(allowsNamespace: true)
        if skip(symbol: "=") {
            let value = try tupleExpression()
            try expectBlockEnd()
            return .assignment(target, value)
        }
        let filters = current.symbol == "|" ? try filterUses(afterBar: true) : []
        return .blockAssignment(target, filters, Frame(try wholeBody(until: "endset")))
    }

    private mutating func with() throws -> Statement.Kind {
        var assignments: [(Target, Expression)] = []
        while current.kind != .blockEnd {
            if !assignments.isEmpty { try expect(symbol: ",") }
            let target = try assignmentTarget(allowsNamespace: false)
            try expect(symbol: "=")
            assignments.append((target, try expression()))
        }
        let names = assignments.reduce(into: Set<String>()) { $0.formUnion($1.0.names) }
        return .with(assignments, Frame(try wholeBody(until: "endwith"), targets: names))
    }

    private mutating func generation() throws -> Statement.Kind {
        guard !isGeneration else { throw unsupported("a generation block inside another") }
        isGeneration = true
        let around = loops
        loops = 0
        defer { (isGeneration, loops) = (false, around) }
        return .generation(Frame(try wholeBody(until: "endgeneration")))
    }

    private mutating func macro() throws -> Statement.Kind {
        let name = try expectName()
        return .macro(try definition(named: name, hasParameters: true, until: "endmacro"))
    }

    private mutating func callBlock() throws -> Statement.Kind {
        // The parameters come before the call.
        let parameters = current.symbol == "(" ? try parameters() : []
        let call = try expression()
        guard case .call = call.kind else { throw failure("a call block without a call") }
        return .callBlock(call, try definition(named: "caller", parameters, until: "endcall"))
    }

    private mutating func definition(named name: String, hasParameters: Bool, until end: String) throws
        -> MacroDefinition
    {
        try definition(named: name, hasParameters ? try parameters() : [], until: end)
    }

    private mutating func definition(
        named name: String, _ parameters: [(name: String, value: Expression?)], until end: String
    ) throws -> MacroDefinition {
        let around = (loops, isGeneration)
        (loops, isGeneration) = (0, false)
        namesInMacros.append([])
        defer { (loops, isGeneration) = around }
        let statements = try wholeBody(until: end)
        let names = namesInMacros.removeLast()
        return MacroDefinition(
            name: name, parameters: parameters,
            body: Frame(
                statements, targets: Set(parameters.map(\.name)).union(["caller", "varargs", "kwargs"]),
                defaults: parameters.compactMap(\.value)),
            takesMore: names.contains("varargs"),
            takesMoreKeywords: names.contains("kwargs"), takesCaller: names.contains("caller"))
    }

    private mutating func parameters() throws -> [(name: String, value: Expression?)] {
        var parameters: [(name: String, value: Expression?)] = []
        try expect(symbol: "(")
        while !skip(symbol: ")") {
            if !parameters.isEmpty { try expect(symbol: ",") }
            let name = try expectName()
            let value = skip(symbol: "=") ? try expression() : nil
            guard value != nil || parameters.last?.value == nil else {
                throw failure("the parameter '\(name)' without a default behind one that has one")
            }
            parameters.append((name, value))
        }
        return parameters
    }

    private mutating func filterUses(afterBar: Bool = false) throws -> [FilterUse] {
        var uses: [FilterUse] = []
        if afterBar { try expect(symbol: "|") }
        repeat {
            let line = current.line
            let name = try dottedName()
            let arguments = current.symbol == "(" ? try callArguments() : CallArguments()
            uses.append(FilterUse(name: name, arguments: arguments, line: line))
        } while skip(symbol: "|")
        return uses
    }

    /// The name of a filter or test.
    mutating func dottedName() throws -> String {
        var name = try expectName()
        while skip(symbol: ".") { name += "." + (try expectName()) }
        return name
    }

    // MARK: Targets

    private mutating func assignmentTarget(allowsNamespace: Bool) throws -> Target {
        if allowsNamespace, let name = current.name, next.symbol == "." {
            advance()
            advance()
            note(name: name)
            return .namespaceMember(name, try expectName())
        }
        return try targetTuple(isBracketed: false)
    }

    private mutating func targetTuple(isBracketed: Bool) throws -> Target {
        var targets: [Target] = []
        var isTuple = false
        while true {
            if isBracketed, current.symbol == ")" { break }
            if !isBracketed, isTuple, current.name == "in" { break }
            if skip(symbol: "(") {
                targets.append(try nested { try $0.targetTuple(isBracketed: true) })
                try expect(symbol: ")")
            } else {
                let name = try expectName()
                guard !Keywords.constants.contains(name) else {
                    throw failure("'\(name)' cannot be assigned to")
                }
                targets.append(.name(name))
            }
            guard skip(symbol: ",") else { break }
            isTuple = true
        }
        guard let first = targets.first else { throw failure("\(current.summary) where a name should be") }
        return isTuple ? .tuple(targets) : first
    }
}
