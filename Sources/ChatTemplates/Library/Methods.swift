/// Methods of Python's types that templates call.
enum Methods {
    static func call(_ method: Value.Method, _ arguments: Arguments, _ context: any Context) throws -> Value {
        switch method.receiver {
        case .text(let text): return try TextMethods.call(method.name, on: text, arguments, context)
        case .dictionary(let dictionary):
            return try call(method, on: dictionary, arguments, context)
        case .list(let list), .tuple(let list): return try call(method, on: list, arguments, context)
        case .loop(let loop): return try call(method, on: loop, arguments, context)
        default: throw Fault.unsupported("the method '\(method.name)'")
        }
    }

    private static func changing(_ name: String, _ type: String) -> Fault {
        .evaluation("the method '\(name)' of \(type) changes its value, which Jinja2's sandbox forbids")
    }

    private static func call(
        _ method: Value.Method, on dictionary: ValueDictionary, _ arguments: Arguments, _ context: any Context
    ) throws -> Value {
        let name = method.name
        try context.meter.charge(name == "get" ? 1 : dictionary.count)
        switch name {
        case "get":
            guard arguments.keywords.isEmpty else {
                throw Fault.evaluation("get() takes no keyword arguments")
            }
            let bound = try arguments.bound("key", "default", of: "get")
            let key = try ValueKey(try required(bound[0], "key", of: "get"), context.meter)
            return dictionary[key] ?? bound[1] ?? .null
        case "items", "keys", "values":
            try arguments.checkNone(of: name)
            let items =
                name == "items" ? dictionary.pairs : name == "keys" ? dictionary.keys : dictionary.values
            let pairs = items.map { item in
                // Pairs are from data where their dictionary is.
                Value(item.kind, isData: item.isData || name == "items" && method.isData)
            }
            return Value(.view("dict_\(name)", ValueList(pairs)), isData: method.isData)
        case "copy":
            try arguments.checkNone(of: name)
            return Value(.dictionary(dictionary), isData: method.isData)
        case "clear", "pop", "popitem", "setdefault", "update": throw changing(name, "dict")
        default: throw Fault.unsupported("the method '\(name)' of dict")
        }
    }

    private static func call(
        _ method: Value.Method, on list: ValueList, _ arguments: Arguments, _ context: any Context
    ) throws -> Value {
        switch method.name {
        case "count", "index":
            let name = method.name
            let wanted = try required(try arguments.bound("value", of: name)[0], "value", of: name)
            var places: [Int] = []
            for (place, item) in list.items.enumerated() where try item.equals(wanted, context.meter) {
                places.append(place)
            }
            if name == "count" { return .integer(places.count) }
            guard let first = places.first else { throw Fault.evaluation("the value is not in the list") }
            return .integer(first)
        case "copy":
            try arguments.checkNone(of: "copy")
            return .list(list.items, isData: method.isData)
        default: throw changing(method.name, "list")
        }
    }

    private static func call(
        _ method: Value.Method, on loop: Loop, _ arguments: Arguments, _ context: any Context
    ) throws -> Value {
        let values = arguments.positional
        if method.name == "cycle" {
            guard !values.isEmpty else { throw Fault.evaluation("no items for cycling given") }
            return values[loop.index % values.count]
        }
        defer { loop.lastChecked = values }
        guard let last = loop.lastChecked else { return .bool(true) }
        return .bool(try !Value.tuple(last).equals(.tuple(values), context.meter))
    }
}
