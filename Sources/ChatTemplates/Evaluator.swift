/// Renders a template once: its statements, with the variables around them.
final class Evaluator: Context {
    let meter: Meter
    let clock: ChatClock?
    /// Where rendering is, for errors.
    var line = 1
    /// Ranges of scalars of the rendered text that generation blocks wrote.
    private(set) var generations: [Range<Int>] = []
    /// Texts that are collected for a variable, filter or caller, inside one another.
    private var captures = 0
    private var namespaces: [Namespace] = []
    private var macros: [Macro] = []

    /// How a list of statements ended.
    private enum Flow {
        case done, breakLoop, continueLoop
    }

    init(limits: ChatTemplateLimits, clock: ChatClock?) {
        meter = Meter(limits)
        self.clock = clock
    }

    /// - Throws: `Fault`, for what stands at `line`.
    func render(_ frame: Frame, variables: [String: Value]) throws -> MarkedText {
        // Values that may hold one another would never be freed.
        defer {
            for namespace in namespaces { namespace.members = [:] }
            for macro in macros { macro.scope = nil }
        }
        var text = MarkedText()
        // Jinja2 keeps what a template sets apart from what it is given, but a set variable hides a given one.
        _ = try run(frame.statements, in: Scope(frame, in: Scope(variables)), into: &text)
        return text
    }

    func makeNamespace(_ members: [String: Value]) -> Value {
        let namespace = Namespace()
        namespace.members = members
        namespaces.append(namespace)
        return Value(.namespace(namespace))
    }

    // MARK: Statements

    private func run(_ statements: [Statement], in scope: Scope, into text: inout MarkedText) throws -> Flow {
        try meter.enter()
        defer { meter.leave() }
        for statement in statements {
            line = statement.line
            try meter.charge()
            let flow = try run(statement, in: scope, into: &text)
            guard case .done = flow else { return flow }
        }
        return .done
    }

    private func run(_ statement: Statement, in scope: Scope, into text: inout MarkedText) throws -> Flow {
        switch statement.kind {
        case .text(let data): try append(data, to: &text)
        case .print(let expression): try append(try evaluate(expression, in: scope).shown(meter), to: &text)
        case .conditional(let branches, let otherwise):
            for branch in branches where try evaluate(branch.test, in: scope).isTrue {
                return try run(branch.body, in: scope, into: &text)
            }
            return try run(otherwise, in: scope, into: &text)
        case .loop(let loop): return try run(loop, in: scope, into: &text)
        case .assignment(let target, let expression):
            try assign(try evaluate(expression, in: scope), to: target, in: scope)
        case .blockAssignment(let target, let filters, let body):
            let captured = try capture(body, in: Scope(body, in: scope))
            try assign(try apply(filters, to: captured, in: scope), to: target, in: scope)
        case .macro(let definition):
            scope.variables[definition.name] = makeMacro(definition, in: scope)
        case .callBlock(let call, let definition):
            let caller = makeMacro(definition, in: scope)
            try append(try evaluate(call, in: scope, caller: caller).shown(meter), to: &text)
        case .filterBlock(let filters, let body):
            let captured = try capture(body, in: Scope(body, in: scope))
            try append(try apply(filters, to: captured, in: scope).shown(meter), to: &text)
        case .with(let assignments, let body):
            let inner = Scope(body, in: scope)
            let values = try assignments.map { try evaluate($0.1, in: scope) }
            for ((target, _), value) in zip(assignments, values) { try assign(value, to: target, in: inner) }
            return try run(body.statements, in: inner, into: &text)
        case .generation(let body): try generate(body, in: scope, into: &text)
        case .breakLoop: return .breakLoop
        case .continueLoop: return .continueLoop
        }
        return .done
    }

    private func append(_ more: MarkedText, to text: inout MarkedText) throws {
        try meter.checkText(more.count)
        try meter.checkLength(text.count + more.count)
        text.append(more)
    }

    private func generate(_ body: Frame, in scope: Scope, into text: inout MarkedText) throws {
        guard captures == 0 else {
            throw Fault.unsupported(
                "a generation block inside a macro, call, filter or set block"
            )
        }
        let start = text.count
        _ = try run(body.statements, in: Scope(body, in: scope), into: &text)
        if text.count > start { generations.append(start..<text.count) }
    }

    private func capture(_ body: Frame, in scope: Scope) throws -> MarkedText {
        captures += 1
        defer { captures -= 1 }
        var text = MarkedText()
        _ = try run(body.statements, in: scope, into: &text)
        return text
    }

    private func apply(_ filters: [FilterUse], to text: MarkedText, in scope: Scope) throws -> Value {
        try filters.reduce(Value.text(text)) { value, use in
            let arguments = try evaluate(use.arguments, in: scope)
            line = use.line
            return try filter(use.name, value, arguments)
        }
    }

    private func run(_ loop: LoopStatement, in scope: Scope, into text: inout MarkedText) throws -> Flow {
        var items = try evaluate(loop.items, in: scope).items(meter)
        if let condition = loop.condition {
            let test = Frame([], targets: loop.target.names)
            items = try items.filter { item in
                try meter.iterate()
                let inner = Scope(test, in: scope)
                try assign(item, to: loop.target, in: inner)
                return try evaluate(condition, in: inner).isTrue
            }
        }
        let state = Loop(items: items)
        defer { state.lastChecked = nil }
        var wasRun = false
        for (index, item) in items.enumerated() {
            try meter.iterate()
            state.index = index
            let inner = Scope(loop.body, in: scope)
            inner.variables["loop"] = Value(.loop(state))
            try assign(item, to: loop.target, in: inner)
            let flow = try run(loop.body.statements, in: inner, into: &text)
            if case .breakLoop = flow { break }
            // As in Jinja2: a round that `continue` ended does not count.
            if case .done = flow { wasRun = true }
        }
        return wasRun
            ? .done : try run(loop.otherwise.statements, in: Scope(loop.otherwise, in: scope), into: &text)
    }

    private func assign(_ value: Value, to target: Target, in scope: Scope) throws {
        switch target {
        case .name(let name): scope.variables[name] = value
        case .namespaceMember(let name, let member):
            guard case .namespace(let namespace)? = scope[name]?.kind else {
                throw Fault.evaluation("'\(name)' is no namespace, so that '\(name).\(member)' cannot be set")
            }
            guard !member.hasPrefix("_") else {
                throw Fault.evaluation("the member '\(member)' of a namespace begins with '_'")
            }
            namespace.members[member] = value
        case .tuple(let targets):
            if case .undefined(let what) = value.kind { throw Fault.evaluation(what) }
            let items = try value.items(meter)
            guard items.count == targets.count else {
                throw Fault.evaluation("\(items.count) values for \(targets.count) names")
            }
            for (target, item) in zip(targets, items) { try assign(item, to: target, in: scope) }
        }
    }

    // MARK: Macros

    private func makeMacro(_ definition: MacroDefinition, in scope: Scope) -> Value {
        let macro = Macro(definition, in: scope)
        macros.append(macro)
        return Value(.macro(macro))
    }

    func call(_ macro: Macro, _ arguments: Arguments) throws -> Value {
        let definition = macro.definition
        let inner = Scope(definition.body, in: macro.scope)
        var keywords = arguments.keywords
        func takeKeyword(_ name: String) -> Value? {
            keywords.firstIndex { $0.name == name }.map { keywords.remove(at: $0).value }
        }
        var missing: [(name: String, value: Expression?)] = []
        for (place, parameter) in definition.parameters.enumerated() {
            if place < arguments.positional.count {
                inner.variables[parameter.name] = arguments.positional[place]
                guard takeKeyword(parameter.name) == nil else {
                    throw Fault.evaluation(
                        "macro '\(definition.name)' got several values for '\(parameter.name)'")
                }
            } else if let value = takeKeyword(parameter.name) {
                inner.variables[parameter.name] = value
            } else {
                missing.append(parameter)
            }
        }
        let caller = takeKeyword("caller")
        if definition.takesCaller { inner.variables["caller"] = caller ?? .undefined("No caller defined") }
        try takeRest(of: arguments, keywords, definition, caller, in: inner)
        for (name, value) in missing {
            inner.variables[name] =
                try value.map { try evaluate($0, in: inner) }
                ?? .undefined("parameter '\(name)' was not provided")
        }
        let callLine = line
        let text = try capture(definition.body, in: inner)
        line = callLine
        return .text(text)
    }

    /// Arguments beyond the parameters.
    private func takeRest(
        of arguments: Arguments, _ keywords: [(name: String, value: Value)], _ definition: MacroDefinition,
        _ caller: Value?, in scope: Scope
    ) throws {
        if definition.takesMoreKeywords {
            var rest = ValueDictionary()
            for (name, value) in keywords { try rest.set(.text(name), value, meter) }
            scope.variables["kwargs"] = Value(.dictionary(rest))
        } else if let extra = keywords.first {
            throw Fault.evaluation("macro '\(definition.name)' takes no keyword argument '\(extra.name)'")
        }
        if caller != nil, !definition.takesCaller {
            throw Fault.evaluation(
                "macro '\(definition.name)' was invoked with two values for the special caller argument")
        }
        let more = Array(arguments.positional.dropFirst(definition.parameters.count))
        if definition.takesMore {
            scope.variables["varargs"] = .tuple(more)
        } else if !more.isEmpty {
            throw Fault.evaluation(
                "macro '\(definition.name)' takes not more than \(definition.parameters.count) argument(s)")
        }
    }
}
