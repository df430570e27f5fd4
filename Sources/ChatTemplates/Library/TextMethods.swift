/// Methods of Python's `str`.
enum TextMethods {
    /// What text marked as safe may be asked without its arguments being escaped for HTML.
    private static let safeMethods: Set<String> = [
        "strip", "lstrip", "rstrip", "upper", "lower", "title", "capitalize", "startswith", "endswith",
        "find", "rfind",
        "count", "index", "isdigit", "isalpha", "isalnum", "isspace", "isupper", "islower",
    ]

    static func call(
        _ name: String, on text: MarkedText, _ arguments: Arguments, _ context: any Context
    ) throws -> Value {
        try context.meter.checkText(text.count)
        guard !text.isSafe || safeMethods.contains(name) else {
            throw Fault.unsupported("the method '\(name)' of a text that the filter 'safe' made")
        }
        if let change = changes[name] {
            try arguments.checkNone(of: name)
            return .text(change(text))
        }
        if let property = properties[name] {
            try arguments.checkNone(of: name)
            return .bool(property(text))
        }
        switch name {
        case "strip": return try strip(text, .both, arguments, context.meter)
        case "lstrip": return try strip(text, .start, arguments, context.meter)
        case "rstrip": return try strip(text, .end, arguments, context.meter)
        case "split", "rsplit": return try split(text, name, arguments, context)
        case "splitlines":
            let keeps = try arguments.bound("keepends", of: name)[0]?.isTrue ?? false
            return .list(text.lines(keepingEnds: keeps).map { .text($0) })
        case "startswith", "endswith":
            return .bool(try begins(text, name, arguments, context))
        case "replace": return try replace(text, arguments, context)
        case "find", "rfind", "index", "rindex", "count": return try find(text, name, arguments)
        case "join":
            let list = try required(try arguments.bound("iterable", of: name)[0], "iterable", of: name)
            let parts = try list.items(context.meter).map { try $0.wantedText("an item of join") }
            return .text(try text.joining(parts, meter: context.meter))
        case "partition", "rpartition": return try partition(text, name, arguments)
        case "removeprefix", "removesuffix": return try removing(text, name, arguments)
        case "center", "ljust", "rjust", "zfill": return try pad(text, name, arguments, context.meter)
        case "format": return .text(try TextFormat.apply(text, arguments, context.meter))
        default: throw Fault.unsupported("the method '\(name)' of str")
        }
    }

    private static let changes: [String: @Sendable (MarkedText) -> MarkedText] = [
        "capitalize": { $0.capitalized }, "lower": { $0.lowercased }, "title": { $0.titlecased },
        "upper": { $0.uppercased },
    ]

    private static let properties: [String: @Sendable (MarkedText) -> Bool] = [
        "isalnum": { all($0) { isLetter($0) || $0.properties.numericType != nil } },
        "isalpha": { all($0, isLetter) },
        "isascii": { $0.scalars.allSatisfy(\.isASCII) },
        "isdigit": {
            all($0) { $0.properties.numericType == .decimal || $0.properties.numericType == .digit }
        },
        "islower": { $0.isLowercase },
        "isnumeric": { all($0) { $0.properties.numericType != nil } },
        "isspace": { all($0, \.isPythonSpace) },
        "isupper": { $0.isUppercase },
    ]

    private static func all(_ text: MarkedText, _ test: (Unicode.Scalar) -> Bool) -> Bool {
        !text.isEmpty && text.scalars.allSatisfy(test)
    }

    private static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
        default: false
        }
    }

    private static func strip(
        _ text: MarkedText, _ side: MarkedText.Side, _ arguments: Arguments, _ meter: Meter
    ) throws -> Value {
        let given = try arguments.bound("chars", of: "strip")[0]
        let set = try given.flatMap { $0.isNone ? nil : try $0.wantedText("the argument of strip") }
        try meter.checkText(set?.count ?? 0)
        return .text(text.trimmed(side, of: set))
    }

    private static func split(
        _ text: MarkedText, _ name: String, _ arguments: Arguments, _ context: any Context
    ) throws -> Value {
        let bound = try arguments.bound("sep", "maxsplit", of: name)
        let limit = try bound[1]?.wantedInteger("the maxsplit of \(name)") ?? -1
        let separator = try bound[0].flatMap {
            $0.isNone ? nil : try $0.wantedText("the separator of \(name)")
        }
        let isFromEnd = name == "rsplit"
        let parts: [MarkedText]
        if let separator {
            guard !separator.isEmpty else { throw Fault.evaluation("empty separator") }
            parts =
                isFromEnd
                ? text.splitFromEnd(by: separator, limit: limit) : text.split(by: separator, limit: limit)
        } else {
            parts = isFromEnd ? text.wordsFromEnd(limit: limit) : text.words(limit: limit)
        }
        try context.meter.charge(parts.count)
        return .list(parts.map { .text($0) }, isData: text.data == [0..<text.count])
    }

    private static func begins(
        _ text: MarkedText, _ name: String, _ arguments: Arguments, _ context: any Context
    ) throws -> Bool {
        let bound = try arguments.bound("prefix", "start", "end", of: name)
        guard bound[1] == nil, bound[2] == nil else {
            throw Fault.unsupported("the method '\(name)' with places")
        }
        let wanted = try required(bound[0], "prefix", of: name)
        var candidates = [wanted]
        if case .tuple(let list) = wanted.kind { candidates = list.items }
        for candidate in candidates {
            let part = try candidate.wantedText("the argument of \(name)")
            if name == "startswith" ? text.hasPrefix(part) : text.hasSuffix(part) { return true }
        }
        return false
    }

    private static func replace(_ text: MarkedText, _ arguments: Arguments, _ context: any Context) throws
        -> Value
    {
        let bound = try arguments.bound("old", "new", "count", of: "replace")
        let old = try required(bound[0], "old", of: "replace").wantedText("an argument of replace")
        let new = try required(bound[1], "new", of: "replace").wantedText("an argument of replace")
        let limit = try bound[2]?.wantedInteger("the count of replace") ?? -1
        return .text(try text.replacing(old, with: new, limit: limit, meter: context.meter))
    }

    private static func find(_ text: MarkedText, _ name: String, _ arguments: Arguments) throws -> Value {
        let bound = try arguments.bound("sub", "start", "end", of: name)
        guard bound[1] == nil, bound[2] == nil else {
            throw Fault.unsupported("the method '\(name)' with places")
        }
        let part = try required(bound[0], "sub", of: name).wantedText("the argument of \(name)")
        if name == "count" { return .integer(text.places(of: part).count) }
        let isFromEnd = name.hasPrefix("r")
        let place =
            isFromEnd ? text.lastPlaces(of: part, limit: 1).first : text.places(of: part, limit: 1).first
        guard let place else {
            guard name.hasSuffix("find") else { throw Fault.evaluation("substring not found") }
            return .integer(-1)
        }
        return .integer(place)
    }

    private static func partition(_ text: MarkedText, _ name: String, _ arguments: Arguments) throws -> Value
    {
        let separator = try required(try arguments.bound("sep", of: name)[0], "sep", of: name)
            .wantedText("the separator of \(name)")
        guard !separator.isEmpty else { throw Fault.evaluation("empty separator") }
        let isFromEnd = name == "rpartition"
        let place =
            isFromEnd
            ? text.lastPlaces(of: separator, limit: 1).first : text.places(of: separator, limit: 1).first
        guard let place else {
            return isFromEnd
                ? .tuple([.text(""), .text(""), .text(text)]) : .tuple([.text(text), .text(""), .text("")])
        }
        let end = place + separator.count
        return .tuple([.text(text[0..<place]), .text(text[place..<end]), .text(text[end..<text.count])])
    }

    private static func removing(_ text: MarkedText, _ name: String, _ arguments: Arguments) throws -> Value {
        let part = try required(try arguments.bound("part", of: name)[0], "part", of: name)
            .wantedText("the argument of \(name)")
        if name == "removeprefix" {
            return .text(text.hasPrefix(part) ? text[part.count..<text.count] : text)
        }
        return .text(text.hasSuffix(part) ? text[0..<text.count - part.count] : text)
    }

    private static func pad(
        _ text: MarkedText, _ name: String, _ arguments: Arguments, _ meter: Meter
    ) throws -> Value {
        let width = try required(try arguments.bound("width", of: name)[0], "width", of: name)
            .wantedInteger("the width of \(name)")
        guard width > text.count else { return .text(text) }
        try meter.checkText(width)
        let space = width - text.count
        var result = MarkedText()
        switch name {
        case "center": return .text(try text.centered(width, meter))
        case "ljust":
            result.append(text)
            result.append(MarkedText(" ").repeated(space))
        case "rjust":
            result.append(MarkedText(" ").repeated(space))
            result.append(text)
        default:
            let hasSign = text.scalars.first == "-" || text.scalars.first == "+"
            let sign = text[0..<(hasSign ? 1 : 0)]
            result.append(sign)
            result.append(MarkedText("0").repeated(space))
            result.append(text[sign.count..<text.count])
        }
        return .text(result)
    }
}
