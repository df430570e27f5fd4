/// Expressions, from the loosest operator to the tightest.
extension Parser {
    /// An expression one level above those inside it.
    private func node(_ kind: Expression.Kind, _ line: Int, _ inside: Int...) throws -> Expression {
        let depth = 1 + (inside.max() ?? 0)
        guard depth <= depthLimit else { throw tooDeep() }
        return Expression(kind: kind, line: line, depth: depth)
    }

    /// One expression, or a tuple of several with commas between them.
    mutating func tupleExpression(allowsConditional: Bool = true, ends: Set<String> = []) throws -> Expression
    {
        let line = current.line
        var items: [Expression] = []
        var isTuple = false
        while true {
            if isTuple, isTupleEnd(ends) { break }
            items.append(try allowsConditional ? expression() : disjunctionNested())
            guard skip(symbol: ",") else { break }
            isTuple = true
        }
        if !isTuple, let only = items.first { return only }
        return try node(.tuple(items), line, items.reduce(0) { max($0, $1.depth) })
    }

    private func isTupleEnd(_ ends: Set<String>) -> Bool {
        switch current.kind {
        case .variableEnd, .blockEnd, .end, .symbol(")"): true
        case .name(let name): ends.contains(name)
        default: false
        }
    }

    private mutating func disjunctionNested() throws -> Expression { try nested { try $0.disjunction() } }

    mutating func expression() throws -> Expression { try nested { try $0.conditionalExpression() } }

    private mutating func conditionalExpression() throws -> Expression {
        var value = try disjunction()
        while current.name == "if" {
            let line = current.line
            advance()
            let test = try disjunction()
            let otherwise = skip(name: "else") ? try expression() : nil
            value = try node(
                .conditional(test, then: value, otherwise: otherwise), line, test.depth, value.depth,
                otherwise?.depth ?? 0)
        }
        return value
    }

    private mutating func disjunction() throws -> Expression {
        var left = try conjunction()
        while current.name == "or" {
            let line = current.line
            advance()
            let right = try conjunction()
            left = try node(.or(left, right), line, left.depth, right.depth)
        }
        return left
    }

    private mutating func conjunction() throws -> Expression {
        var left = try negation()
        while current.name == "and" {
            let line = current.line
            advance()
            let right = try negation()
            left = try node(.and(left, right), line, left.depth, right.depth)
        }
        return left
    }

    private mutating func negation() throws -> Expression {
        let line = current.line
        guard skip(name: "not") else { return try comparison() }
        let value = try nested { try $0.negation() }
        return try node(.not(value), line, value.depth)
    }

    private mutating func comparison() throws -> Expression {
        let line = current.line
        let left = try sum()
        var rest: [(ComparisonOperator, Expression)] = []
        while let comparison = comparisonOperator() {
            advance()
            if comparison == .isNotIn { advance() }
            rest.append((comparison, try sum()))
        }
        guard !rest.isEmpty else { return left }
        return try node(.comparison(left, rest), line, left.depth, rest.reduce(0) { max($0, $1.1.depth) })
    }

    private func comparisonOperator() -> ComparisonOperator? {
        switch current.kind {
        case .symbol(let symbol): ComparisonOperator(rawValue: symbol)
        case .name("in"): .isIn
        case .name("not") where next.name == "in": .isNotIn
        default: nil
        }
    }

    private mutating func chain(
        _ symbols: Set<String>, _ operand: (inout Parser) throws -> Expression
    ) throws -> Expression {
        var left = try operand(&self)
        while let symbol = current.symbol, symbols.contains(symbol),
            let arithmetic = ArithmeticOperator(rawValue: symbol)
        {
            let line = current.line
            advance()
            let right = try operand(&self)
            left = try node(.arithmetic(left, arithmetic, right), line, left.depth, right.depth)
        }
        return left
    }

    private mutating func sum() throws -> Expression {
        try chain(["+", "-"]) { try $0.concatenation() }
    }

    private mutating func concatenation() throws -> Expression {
        let line = current.line
        var parts = [try product()]
        while skip(symbol: "~") { parts.append(try product()) }
        if parts.count == 1 { return parts[0] }
        return try node(.concatenation(parts), line, parts.reduce(0) { max($0, $1.depth) })
    }

    private mutating func product() throws -> Expression {
        try chain(["*", "/", "//", "%"]) { try $0.power() }
    }

    private mutating func power() throws -> Expression {
        try chain(["**"]) { try $0.unary(takesFilters: true) }
    }

    private mutating func unary(takesFilters: Bool) throws -> Expression {
        let line = current.line
        var value: Expression
        if skip(symbol: "-") {
            let inner = try nested { try $0.unary(takesFilters: false) }
            value = try node(.negative(inner), line, inner.depth)
        } else if skip(symbol: "+") {
            let inner = try nested { try $0.unary(takesFilters: false) }
            value = try node(.positive(inner), line, inner.depth)
        } else {
            value = try primary()
        }
        value = try members(of: value)
        return takesFilters ? try filters(of: value) : value
    }

    private mutating func primary() throws -> Expression {
        let line = current.line
        switch current.kind {
        case .name(let name):
            advance()
            return try node(constant(name), line)
        case .string(let first):
            var text = first
            advance()
            // Strings next to each other are one.
            while case .string(let more) = current.kind {
                text += more
                advance()
            }
            return try node(.text(MarkedText(text)), line)
        case .integer(let value):
            advance()
            return try node(.integer(value), line)
        case .float(let value):
            advance()
            return try node(.float(value), line)
        case .symbol("("):
            advance()
            if skip(symbol: ")") { return try node(.tuple([]), line) }
            let value = try tupleExpression()
            try expect(symbol: ")")
            return value
        case .symbol("["): return try list()
        case .symbol("{"): return try dictionary()
        default: throw failure("\(current.summary) where a value should be")
        }
    }

    private mutating func constant(_ name: String) -> Expression.Kind {
        switch name {
        case "true", "True": return .bool(true)
        case "false", "False": return .bool(false)
        case "none", "None": return .none
        default:
            note(name: name)
            return .name(name)
        }
    }

    private mutating func list() throws -> Expression {
        let line = current.line
        try expect(symbol: "[")
        var items: [Expression] = []
        while !skip(symbol: "]") {
            if !items.isEmpty {
                try expect(symbol: ",")
                if skip(symbol: "]") { break }
            }
            items.append(try expression())
        }
        return try node(.list(items), line, items.reduce(0) { max($0, $1.depth) })
    }

    private mutating func dictionary() throws -> Expression {
        let line = current.line
        try expect(symbol: "{")
        var members: [(key: Expression, value: Expression)] = []
        while !skip(symbol: "}") {
            if !members.isEmpty {
                try expect(symbol: ",")
                if skip(symbol: "}") { break }
            }
            let key = try expression()
            try expect(symbol: ":")
            members.append((key, try expression()))
        }
        let depth = members.reduce(0) { max($0, $1.key.depth, $1.value.depth) }
        return try node(.dictionary(members), line, depth)
    }

    // MARK: Behind a value

    private mutating func members(of start: Expression) throws -> Expression {
        var value = start
        while let symbol = current.symbol {
            switch symbol {
            case ".": value = try attribute(of: value)
            case "[": value = try subscripts(of: value)
            case "(": value = try call(value)
            default: return value
            }
        }
        return value
    }

    private mutating func attribute(of value: Expression) throws -> Expression {
        let line = current.line
        advance()
        switch current.kind {
        case .name(let name):
            advance()
            return try node(.attribute(value, name), line, value.depth)
        case .integer(let index):
            advance()
            return try node(.item(value, try node(.integer(index), line)), line, value.depth)
        default: throw failure("\(current.summary) where a name should be")
        }
    }

    private mutating func subscripts(of value: Expression) throws -> Expression {
        let line = current.line
        advance()
        let start = current.symbol == ":" ? nil : try expression()
        if let start, current.symbol == "]" {
            advance()
            return try node(.item(value, start), line, value.depth, start.depth)
        }
        if current.symbol == "," { throw unsupported("a subscript with several indices") }
        try expect(symbol: ":")
        func isEnd() -> Bool { current.symbol == "]" || current.symbol == "," }
        let stop = current.symbol == ":" || isEnd() ? nil : try expression()
        let step = skip(symbol: ":") && !isEnd() ? try expression() : nil
        if current.symbol == "," { throw unsupported("a subscript with several indices") }
        try expect(symbol: "]")
        return try node(
            .slice(value, start: start, stop: stop, step: step), line, value.depth, start?.depth ?? 0,
            stop?.depth ?? 0, step?.depth ?? 0)
    }

    private mutating func call(_ value: Expression) throws -> Expression {
        let line = current.line
        let arguments = try callArguments()
        return try node(.call(value, arguments), line, value.depth, arguments.depth)
    }

    mutating func callArguments() throws -> CallArguments {
        var arguments = CallArguments()
        try expect(symbol: "(")
        while !skip(symbol: ")") {
            if !arguments.positional.isEmpty || !arguments.keywords.isEmpty {
                try expect(symbol: ",")
                if skip(symbol: ")") { break }
            }
            if current.symbol == "*" || current.symbol == "**" {
                throw unsupported("a call with '\(current.symbol ?? "*")'")
            }
            if let name = current.name, next.symbol == "=" {
                advance()
                advance()
                guard !arguments.keywords.contains(where: { $0.name == name }) else {
                    throw failure("the argument '\(name)' is given twice")
                }
                arguments.keywords.append((name, try expression()))
            } else {
                guard arguments.keywords.isEmpty else {
                    throw failure("an argument without a name behind one that has one")
                }
                arguments.positional.append(try expression())
            }
        }
        return arguments
    }

    private mutating func filters(of start: Expression) throws -> Expression {
        var value = start
        while true {
            let line = current.line
            if skip(symbol: "|") {
                let name = try dottedName()
                let arguments = current.symbol == "(" ? try callArguments() : CallArguments()
                value = try node(.filter(value, name, arguments), line, value.depth, arguments.depth)
            } else if skip(name: "is") {
                value = try test(of: value, line)
            } else if current.symbol == "(" {
                value = try call(value)
            } else {
                return value
            }
        }
    }

    private mutating func test(of value: Expression, _ line: Int) throws -> Expression {
        let isNegated = skip(name: "not")
        let name = try dottedName()
        var arguments = CallArguments()
        if current.symbol == "(" {
            arguments = try callArguments()
        } else if try beginsArgument() {
            arguments.positional = [try nested { try $0.members(of: try $0.primary()) }]
        }
        let test = try node(.test(value, name, arguments), line, value.depth, arguments.depth)
        return isNegated ? try node(.not(test), line, test.depth) : test
    }

    /// Whether a test's argument without brackets comes.
    private func beginsArgument() throws -> Bool {
        switch current.kind {
        case .string, .integer, .float, .symbol("["), .symbol("{"): return true
        case .name("else"), .name("or"), .name("and"): return false
        case .name("is"): throw failure("tests cannot be chained with 'is'")
        case .name: return true
        default: return false
        }
    }
}
