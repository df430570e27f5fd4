/// Python's `str.format` with plain fields: `{}`, `{0}`, `{name}`.
enum TextFormat {
    static func apply(_ text: MarkedText, _ arguments: Arguments, _ meter: Meter) throws -> MarkedText {
        var result = MarkedText()
        var at = 0
        var automatic = 0
        while at < text.count {
            let scalar = text.scalars[at]
            guard scalar == "{" || scalar == "}" else {
                result.append(text[at])
                at += 1
                continue
            }
            if at + 1 < text.count, text.scalars[at + 1] == scalar {
                result.append(text[at])
                at += 2
                continue
            }
            guard scalar == "{", let end = text.scalars[at...].firstIndex(of: "}") else {
                throw Fault.evaluation("a format with a single '\(scalar)'")
            }
            let field = text[at + 1..<end].string
            let value = try value(field, arguments, &automatic).shown(meter)
            try meter.checkText(result.count + value.count)
            result.append(value)
            at = end + 1
        }
        return result
    }

    private static func value(_ field: String, _ arguments: Arguments, _ automatic: inout Int) throws -> Value
    {
        let isPlain = field.unicodeScalars.allSatisfy { $0.properties.isXIDContinue }
        guard isPlain else { throw Fault.unsupported("the field '{\(field)}' of a format") }
        if let named = arguments.keywords.first(where: { $0.name == field }) { return named.value }
        let place = field.isEmpty ? automatic : Int(field)
        if field.isEmpty { automatic += 1 }
        guard let place, arguments.positional.indices.contains(place) else {
            throw Fault.evaluation("a format without a value for its field '{\(field)}'")
        }
        return arguments.positional[place]
    }
}
