/// Filters that make texts. As in Jinja2, what is no text is taken as `str` writes it.
enum TextFilters {
    static let all: [String: Filter] = [
        "capitalize": simple("capitalize", \.capitalized),
        "center": center,
        "e": simple("escape", \.escapedForHTML),
        "escape": simple("escape", \.escapedForHTML),
        "indent": indent,
        "join": join,
        "lower": simple("lower", \.lowercased),
        "replace": replace,
        "safe": safe,
        "string": simple("string", \.self),
        "title": simple("title", \.titledWords),
        "tojson": tojson,
        "trim": trim,
        "upper": simple("upper", \.uppercased),
    ]

    private static func simple(
        _ name: String, _ change: @escaping @Sendable (MarkedText) -> MarkedText
    ) -> Filter {
        { value, arguments, context in
            try arguments.checkNone(of: name)
            let text = try value.shown(context.meter)
            try context.meter.checkText(text.count)
            return .text(change(text))
        }
    }

    @Sendable private static func safe(_ value: Value, _ arguments: Arguments, _ context: any Context) throws
        -> Value
    {
        try arguments.checkNone(of: "safe")
        var text = try value.shown(context.meter)
        text.isSafe = true
        return .text(text)
    }

    @Sendable private static func trim(_ value: Value, _ arguments: Arguments, _ context: any Context) throws
        -> Value
    {
        let characters = try arguments.bound("chars", of: "trim")[0]
        let set = try characters.flatMap { $0.isNone ? nil : try $0.wantedText("the argument of trim") }
        let text = try value.shown(context.meter)
        try context.meter.checkText(text.count + (set?.count ?? 0))
        return .text(text.trimmed(.both, of: set))
    }

    @Sendable private static func center(_ value: Value, _ arguments: Arguments, _ context: any Context)
        throws
        -> Value
    {
        let width = try arguments.bound("width", of: "center")[0]?.wantedInteger("the width of center") ?? 80
        return .text(try value.shown(context.meter).centered(width, context.meter))
    }

    @Sendable private static func replace(_ value: Value, _ arguments: Arguments, _ context: any Context)
        throws
        -> Value
    {
        let bound = try arguments.bound("old", "new", "count", of: "replace")
        let old = try required(bound[0], "old", of: "replace").shown(context.meter)
        let new = try required(bound[1], "new", of: "replace").shown(context.meter)
        let limit = try bound[2].flatMap { $0.isNone ? nil : try $0.wantedInteger("the count of replace") }
        var text = try value.shown(context.meter)
        text.isSafe = false
        return .text(try text.replacing(old, with: new, limit: limit ?? -1, meter: context.meter))
    }

    @Sendable private static func join(_ value: Value, _ arguments: Arguments, _ context: any Context) throws
        -> Value
    {
        let bound = try arguments.bound("d", "attribute", of: "join")
        let separator = try bound[0]?.shown(context.meter) ?? MarkedText()
        let path = try bound[1].flatMap { $0.isNone ? nil : try MemberPath($0) }
        let parts = try value.items(context.meter).map {
            try (path?.value(in: $0, default: nil, context.meter) ?? $0).shown(context.meter)
        }
        return .text(try separator.joining(parts, meter: context.meter))
    }

    @Sendable private static func indent(_ value: Value, _ arguments: Arguments, _ context: any Context)
        throws
        -> Value
    {
        let bound = try arguments.bound("width", "first", "blank", of: "indent")
        let width = bound[0] ?? .integer(4)
        let count = width.text == nil ? try width.wantedInteger("the width of indent") : 0
        try context.meter.checkText(count)
        let step = width.text ?? MarkedText(" ").repeated(count)
        let text = try value.wantedText("the value of indent")
        var lines = text.lines(keepingEnds: false)
        // Jinja2 adds a line end before it cuts, so that no text is without lines.
        if text.isEmpty || text.scalars.last?.isPythonLineEnd == true { lines.append(MarkedText()) }
        let isBlank = bound[2]?.isTrue == true
        for place in lines.indices.dropFirst() where isBlank || !lines[place].isEmpty {
            lines[place] = try MarkedText().joining([step, lines[place]], meter: context.meter)
        }
        if bound[1]?.isTrue == true {
            lines[0] = try MarkedText().joining([step, lines[0]], meter: context.meter)
        }
        return .text(try MarkedText("\n").joining(lines, meter: context.meter))
    }

    @Sendable private static func tojson(_ value: Value, _ arguments: Arguments, _ context: any Context)
        throws
        -> Value
    {
        let bound = try arguments.bound(
            "ensure_ascii", "indent", "separators", "sort_keys", of: "tojson")
        var writer = JSONText(meter: context.meter)
        writer.isASCII = bound[0]?.isTrue ?? false
        writer.isSorted = bound[3]?.isTrue ?? false
        if let indent = bound[1], !indent.isNone {
            let count = indent.text == nil ? try indent.wantedInteger("the indent of tojson") : 0
            try context.meter.checkText(count)
            writer.indent = indent.text ?? MarkedText(" ").repeated(count)
            writer.itemSeparator = MarkedText(",")
        }
        if let separators = bound[2], !separators.isNone {
            let pair = try separators.items(context.meter)
            guard pair.count == 2 else { throw Fault.evaluation("the separators of tojson must be two") }
            writer.itemSeparator = try pair[0].wantedText("a separator of tojson")
            writer.keySeparator = try pair[1].wantedText("a separator of tojson")
        }
        try writer.write(value)
        return .text(writer.out)
    }
}

extension MarkedText {
    /// Spaces on both sides up to a width, one more on the right where the width is even, as Python has it.
    func centered(_ width: Int, _ meter: Meter) throws -> MarkedText {
        guard width > count else { return self }
        try meter.checkText(width)
        let space = width - count
        let left = space / 2 + (space & width & 1)
        var result = MarkedText(" ").repeated(left)
        result.append(self)
        result.append(MarkedText(" ").repeated(space - left))
        return result
    }
}
