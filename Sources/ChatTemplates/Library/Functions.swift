/// The functions that a template calls by name.
enum Functions {
    static func named(_ name: String) -> TemplateFunction? { all[name] }

    private static let all: [String: TemplateFunction] = [
        "cycler": refused("cycler"),
        "dict": dictionary,
        "joiner": refused("joiner"),
        "lipsum": refused("lipsum"),
        "namespace": namespace,
        // The blocks of a template, which are not supported.
        "self": refused("self"),
        "raise_exception": { arguments, context in
            let message = try required(
                try arguments.bound("message", of: "raise_exception")[0], "message", of: "raise_exception")
            throw Fault(kind: .raised, problem: try message.shown(context.meter).string)
        },
        "range": range,
        "strftime_now": { arguments, context in
            let format = try required(
                try arguments.bound("format", of: "strftime_now")[0], "format", of: "strftime_now")
            guard let clock = context.clock else {
                throw Fault.evaluation("the template asks for the time, and none is given")
            }
            return .text(try clock.formatted(try format.wantedText("the format of strftime_now").string))
        },
    ]

    private static func refused(_ name: String) -> TemplateFunction {
        { _, _ in throw Fault.unsupported("the function '\(name)'") }
    }

    @Sendable private static func dictionary(_ arguments: Arguments, _ context: any Context) throws -> Value {
        var result = ValueDictionary()
        guard arguments.positional.count <= 1 else {
            throw Fault.evaluation("dict expected at most 1 argument, got \(arguments.positional.count)")
        }
        if let first = arguments.positional.first {
            if case .dictionary(let given) = first.kind {
                result = given
            } else {
                for pair in try first.items(context.meter) {
                    let items = try pair.items(context.meter)
                    guard items.count == 2 else {
                        throw Fault.evaluation("dict needs pairs, and one has \(items.count) items")
                    }
                    try result.set(items[0], items[1], context.meter)
                }
            }
        }
        for (name, value) in arguments.keywords { try result.set(.text(name), value, context.meter) }
        return Value(.dictionary(result), isData: arguments.positional.first?.isData ?? false)
    }

    @Sendable private static func namespace(_ arguments: Arguments, _ context: any Context) throws -> Value {
        guard case .dictionary(let given) = try dictionary(arguments, context).kind else {
            throw Fault.evaluation("namespace needs a dict")
        }
        var members: [String: Value] = [:]
        for (key, value) in zip(given.keys, given.values) {
            let name = try key.wantedText("a name of a namespace").string
            guard !name.hasPrefix("_") else {
                throw Fault.evaluation("the member '\(name)' of a namespace begins with '_'")
            }
            members[name] = value
        }
        return context.makeNamespace(members)
    }

    @Sendable private static func range(_ arguments: Arguments, _ context: any Context) throws -> Value {
        guard (1...3).contains(arguments.positional.count), arguments.keywords.isEmpty else {
            throw Fault.evaluation("range takes one to three arguments without names")
        }
        let numbers = try arguments.positional.map { try $0.wantedInteger("an argument of range") }
        let range = try ValueRange(
            start: numbers.count > 1 ? numbers[0] : 0, stop: numbers.count > 1 ? numbers[1] : numbers[0],
            step: numbers.count > 2 ? numbers[2] : 1)
        return Value(.range(range))
    }
}
