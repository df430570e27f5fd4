/// Expressions and calls.
extension Evaluator {
    /// - Parameter caller: what a call block gives to the macro that the expression calls.
    func evaluate(_ expression: Expression, in scope: Scope, caller: Value? = nil) throws -> Value {
        try meter.enter()
        defer { meter.leave() }
        try meter.charge()
        let value = try value(of: expression, in: scope, caller)
        try meter.checkDepth(of: value.depth)
        return value
    }

    private func value(of expression: Expression, in scope: Scope, _ caller: Value?) throws -> Value {
        switch expression.kind {
        case .none: return .null
        case .bool(let value): return .bool(value)
        case .integer(let value): return .integer(value)
        case .float(let value): return .float(value)
        case .text(let text): return .text(text)
        case .name(let name): return look(up: name, in: scope)
        case .list(let items): return .list(try items.map { try evaluate($0, in: scope) })
        case .tuple(let items): return .tuple(try items.map { try evaluate($0, in: scope) })
        case .dictionary(let members): return try dictionary(members, in: scope)
        case .attribute(let base, let name):
            let value = try evaluate(base, in: scope)
            line = expression.line
            return try value.attribute(name)
        case .item(let base, let key):
            let (value, key) = (try evaluate(base, in: scope), try evaluate(key, in: scope))
            line = expression.line
            return try value.item(key, meter)
        case .slice(let base, let start, let stop, let step):
            let value = try evaluate(base, in: scope)
            let bounds = try [start, stop, step].map { try $0.map { try evaluate($0, in: scope) } }
            line = expression.line
            return try value.slice(bounds[0], bounds[1], bounds[2], meter)
        case .call(let function, let arguments):
            return try call(function, arguments, caller, expression.line, in: scope)
        case .filter(let base, let name, let arguments):
            let (value, arguments) = (try evaluate(base, in: scope), try evaluate(arguments, in: scope))
            line = expression.line
            return try filter(name, value, arguments)
        case .test(let base, let name, let arguments):
            let (value, arguments) = (try evaluate(base, in: scope), try evaluate(arguments, in: scope))
            line = expression.line
            return .bool(try test(name, value, arguments))
        default: return try combination(expression, in: scope)
        }
    }

    /// What operators make of expressions.
    private func combination(_ expression: Expression, in scope: Scope) throws -> Value {
        switch expression.kind {
        case .negative(let base): return try Arithmetic.negated(try evaluate(base, in: scope))
        case .positive(let base): return try Arithmetic.positive(try evaluate(base, in: scope))
        case .not(let base): return .bool(!(try evaluate(base, in: scope).isTrue))
        case .and(let left, let right):
            let value = try evaluate(left, in: scope)
            return value.isTrue ? try evaluate(right, in: scope) : value
        case .or(let left, let right):
            let value = try evaluate(left, in: scope)
            return value.isTrue ? value : try evaluate(right, in: scope)
        case .arithmetic(let left, let arithmetic, let right):
            let (first, second) = (try evaluate(left, in: scope), try evaluate(right, in: scope))
            line = expression.line
            return try Arithmetic.apply(first, arithmetic, second, meter)
        case .concatenation(let parts):
            let texts = try parts.map { try evaluate($0, in: scope).shown(meter) }
            line = expression.line
            return .text(try MarkedText().joining(texts, meter: meter))
        case .comparison(let left, let rest):
            return try comparison(left, rest, expression.line, in: scope)
        case .conditional(let test, let then, let otherwise):
            if try evaluate(test, in: scope).isTrue { return try evaluate(then, in: scope) }
            guard let otherwise else {
                return .undefined(
                    "the inline if-expression evaluated to false and no else section was defined")
            }
            return try evaluate(otherwise, in: scope)
        default: throw Fault.unsupported("this expression")
        }
    }

    private func look(up name: String, in scope: Scope) -> Value {
        if let value = scope[name] { return value }
        return Functions.named(name) == nil ? .undefined("'\(name)' is undefined") : Value(.function(name))
    }

    private func dictionary(
        _ members: [(key: Expression, value: Expression)], in scope: Scope
    ) throws -> Value {
        var dictionary = ValueDictionary(capacity: members.count)
        for (key, value) in members {
            try dictionary.set(try evaluate(key, in: scope), try evaluate(value, in: scope), meter)
        }
        return Value(.dictionary(dictionary))
    }

    private func comparison(
        _ left: Expression, _ rest: [(ComparisonOperator, Expression)], _ line: Int, in scope: Scope
    ) throws -> Value {
        var first = try evaluate(left, in: scope)
        for (comparison, right) in rest {
            let second = try evaluate(right, in: scope)
            self.line = line
            guard try compare(first, comparison, second) else { return .bool(false) }
            first = second
        }
        return .bool(true)
    }

    private func compare(_ left: Value, _ comparison: ComparisonOperator, _ right: Value) throws -> Bool {
        switch comparison {
        case .equal: try left.equals(right, meter)
        case .unequal: try !left.equals(right, meter)
        case .less: try left.isLess(than: right, meter)
        case .atMost: try left.isAtMost(right, meter)
        case .greater: try right.isLess(than: left, meter)
        case .atLeast: try right.isAtMost(left, meter)
        case .isIn: try right.contains(left, meter)
        case .isNotIn: try !right.contains(left, meter)
        }
    }

    // MARK: Calls

    func evaluate(_ arguments: CallArguments, in scope: Scope) throws -> Arguments {
        Arguments(
            positional: try arguments.positional.map { try evaluate($0, in: scope) },
            keywords: try arguments.keywords.map { ($0.name, try evaluate($0.value, in: scope)) })
    }

    private func call(
        _ function: Expression, _ arguments: CallArguments, _ caller: Value?, _ line: Int, in scope: Scope
    ) throws -> Value {
        let called = try evaluate(function, in: scope)
        var evaluated = try evaluate(arguments, in: scope)
        if let caller { evaluated.keywords.append(("caller", caller)) }
        self.line = line
        return try call(called, evaluated)
    }

    func call(_ function: Value, _ arguments: Arguments) throws -> Value {
        switch function.kind {
        case .macro(let macro): return try call(macro, arguments)
        case .function(let name):
            guard let body = Functions.named(name) else { throw Fault.unsupported("the function '\(name)'") }
            return try body(arguments, self)
        case .method(let method): return try Methods.call(method, arguments, self)
        case .undefined(let what): throw Fault.evaluation(what)
        default: throw Fault.evaluation("'\(function.typeName)' object is not callable")
        }
    }

    func filter(_ name: String, _ value: Value, _ arguments: Arguments) throws -> Value {
        guard let filter = Filters.all[name] else { throw Fault.unsupported("the filter '\(name)'") }
        return try filter(value, arguments, self)
    }

    func test(_ name: String, _ value: Value, _ arguments: Arguments) throws -> Bool {
        guard let test = ValueTests.all[name] else { throw Fault.unsupported("the test '\(name)'") }
        return try test(value, arguments, self)
    }
}
