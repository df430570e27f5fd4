/// Members, items and slices, as Jinja2's sandbox looks them up.
extension Value {
    /// `self.name`: a method of Python's type before a member of that name.
    func attribute(_ name: String) throws -> Value {
        switch kind {
        case .undefined(let what): throw Fault.evaluation(what)
        case .dictionary(let dictionary):
            if MethodNames.dictionary.contains(name) { return method(name) }
            return dictionary[name] ?? missing(name)
        case .text where MethodNames.text.contains(name): return method(name)
        case .list where MethodNames.list.contains(name): return method(name)
        case .tuple where MethodNames.tuple.contains(name): return method(name)
        case .namespace(let namespace): return namespace.members[name] ?? missing(name)
        case .loop(let loop):
            return MethodNames.loop.contains(name) ? method(name) : loop.member(name) ?? missing(name)
        case .macro(let macro) where name == "name": return .text(macro.definition.name)
        default: return missing(name)
        }
    }

    private func method(_ name: String) -> Value {
        Value(.method(Method(name: name, receiver: kind, isData: isData)))
    }

    private func missing(_ name: String) -> Value {
        switch kind {
        case .none: .undefined("'None' has no attribute '\(name)'")
        default: .undefined("'\(typeName) object' has no attribute '\(name)'")
        }
    }

    /// `self[key]`.
    func item(_ key: Value, _ meter: Meter) throws -> Value {
        try meter.charge(1 + (key.text?.count ?? 0) / 8)
        switch kind {
        case .undefined(let what): throw Fault.evaluation(what)
        case .dictionary(let dictionary):
            if let hashed = try? ValueKey(key, meter), let value = dictionary[hashed] { return value }
        case .list(let list), .tuple(let list):
            if let place = place(key, of: list.items.count) { return list.items[place] }
        case .text(let text):
            if let place = place(key, of: text.count) { return .text(text[place]) }
        case .range(let range):
            if let place = place(key, of: range.count) { return .integer(range.start + place * range.step) }
        default: break
        }
        guard let name = key.text else { return .undefined("\(typeName) object has no such element") }
        return try attribute(name.string)
    }

    private func place(_ key: Value, of count: Int) -> Int? {
        guard let index = key.integer else { return nil }
        let place = index < 0 ? index.addingReportingOverflow(count).partialValue : index
        return (0..<count).contains(place) ? place : nil
    }

    /// `self[start:stop:step]`.
    func slice(_ start: Value?, _ stop: Value?, _ step: Value?, _ meter: Meter) throws -> Value {
        if case .undefined(let what) = kind { throw Fault.evaluation(what) }
        let isSequence =
            switch kind {
            case .list, .tuple, .text, .range: true
            default: false
            }
        guard isSequence, let count = length else {
            throw Fault.evaluation("'\(typeName)' object has no slices")
        }
        let cut = try Self.cut(Self.bound(start), Self.bound(stop), Self.bound(step) ?? 1, of: count)
        let stride = cut.step < 0 ? max(cut.step, -count - 1) : min(cut.step, count + 1)
        let places = Array(Swift.stride(from: cut.first, to: cut.end, by: stride))
        try meter.charge(places.count / 8)
        switch kind {
        case .text(let text):
            guard let first = places.first, places.last == first + places.count - 1 else {
                return .text(text.picked(places))
            }
            return .text(text[first..<first + places.count])
        case .list(let list): return .list(places.map { list.items[$0] }, isData: isData)
        case .tuple(let list): return .tuple(places.map { list.items[$0] }, isData: isData)
        case .range(let range):
            let (stride, isTooLarge) = range.step.multipliedReportingOverflow(by: cut.step)
            guard !isTooLarge else { throw Fault.largeInteger }
            return Value(
                .range(
                    try ValueRange(
                        start: range.start + cut.first * range.step, stop: range.start + cut.end * range.step,
                        step: stride)))
        default: throw Fault.evaluation("'\(typeName)' object has no slices")
        }
    }

    private static func bound(_ value: Value?) throws -> Int? {
        guard let value, !value.isNone else { return nil }
        guard let number = value.integer else {
            if case .undefined(let what) = value.kind { throw Fault.evaluation(what) }
            throw Fault.evaluation("slice indices must be integers or None, not \(value.typeName)")
        }
        return number
    }

    /// Where a slice begins and ends, as Python's `slice.indices` says.
    private static func cut(
        _ start: Int?, _ stop: Int?, _ step: Int, of count: Int
    ) throws -> (first: Int, end: Int, step: Int) {
        guard step != 0 else { throw Fault.evaluation("slice step cannot be zero") }
        let (lowest, highest) = step < 0 ? (-1, count - 1) : (0, count)
        func clamped(_ bound: Int) -> Int {
            let place = bound < 0 ? bound.addingReportingOverflow(count).partialValue : bound
            return min(max(place, lowest), highest)
        }
        let first = start.map(clamped) ?? (step < 0 ? highest : lowest)
        let end = stop.map(clamped) ?? (step < 0 ? lowest : highest)
        return (first, end, step)
    }
}

/// The names of Python's methods, which hide members of the same name.
enum MethodNames {
    static let dictionary: Set<String> = [
        "clear", "copy", "fromkeys", "get", "items", "keys", "pop", "popitem", "setdefault", "update",
        "values",
    ]
    static let list: Set<String> = [
        "append", "clear", "copy", "count", "extend", "index", "insert", "pop", "remove", "reverse", "sort",
    ]
    static let tuple: Set<String> = ["count", "index"]
    static let loop: Set<String> = ["cycle", "changed"]
    static let text: Set<String> = [
        "capitalize", "casefold", "center", "count", "encode", "endswith", "expandtabs", "find", "format",
        "format_map", "index", "isalnum", "isalpha", "isascii", "isdecimal", "isdigit", "isidentifier",
        "islower",
        "isnumeric", "isprintable", "isspace", "istitle", "isupper", "join", "ljust", "lower", "lstrip",
        "maketrans", "partition", "removeprefix", "removesuffix", "replace", "rfind", "rindex", "rjust",
        "rpartition", "rsplit", "rstrip", "split", "splitlines", "startswith", "strip", "swapcase", "title",
        "translate", "upper", "zfill",
    ]
}
