import Foundation

/// Filters that make numbers.
enum NumberFilters {
    static let all: [String: Filter] = [
        "abs": absolute,
        "float": float,
        "int": integer,
        "round": round,
        "sum": sum,
        "wordcount": wordcount,
    ]

    @Sendable private static func absolute(_ value: Value, _ arguments: Arguments, _ context: any Context)
        throws
        -> Value
    {
        try arguments.checkNone(of: "abs")
        if case .float(let number) = value.kind { return .float(number.magnitude, isData: value.isData) }
        if case .largeInteger(let digits) = value.kind {
            return Value(
                .largeInteger(digits.hasPrefix("-") ? String(digits.dropFirst()) : digits),
                isData: value.isData)
        }
        let number = try value.wantedInteger("the value of abs")
        return number < 0 ? try Arithmetic.negated(value) : .integer(number, isData: value.isData)
    }

    /// The text of a number without the underscores that Python allows between digits.
    private static func plain(_ text: MarkedText) -> String? {
        let characters = Array(text.trimmed(.both).string)
        for (place, character) in characters.enumerated() where character == "_" {
            guard place > 0, place + 1 < characters.count, characters[place - 1].isHexDigit,
                characters[place + 1].isHexDigit
            else { return nil }
        }
        return String(characters.filter { $0 != "_" })
    }

    private static func double(_ value: Value) -> Double? {
        if case .largeInteger(let digits) = value.kind { return Double(digits) }
        guard let text = value.text else { return value.double }
        guard let plain = plain(text), !plain.lowercased().contains("x") else { return nil }
        return Double(plain)
    }

    @Sendable private static func float(_ value: Value, _ arguments: Arguments, _ context: any Context) throws
        -> Value
    {
        let fallback = try arguments.bound("default", of: "float")[0] ?? .float(0)
        if case .undefined(let what) = value.kind { throw Fault.evaluation(what) }
        return double(value).map { .float($0, isData: value.isData) } ?? fallback
    }

    @Sendable private static func integer(_ value: Value, _ arguments: Arguments, _ context: any Context)
        throws
        -> Value
    {
        let bound = try arguments.bound("default", "base", of: "int")
        let base = try bound[1]?.wantedInteger("the base of int") ?? 10
        guard (2...36).contains(base) else { throw Fault.unsupported("the base \(base) of int") }
        let isData = value.isData || value.text?.data.isEmpty == false
        switch value.kind {
        case .undefined(let what): throw Fault.evaluation(what)
        case .largeInteger: return value
        case .text(let text):
            if let plain = plain(text) {
                let prefixes = [2: "0b", 8: "0o", 16: "0x"]
                let hasPrefix = prefixes[base].map { plain.lowercased().hasPrefix($0) } ?? false
                if let number = Int(hasPrefix ? String(plain.dropFirst(2)) : plain, radix: base) {
                    return .integer(number, isData: isData)
                }
            }
        default: if let number = value.integer { return .integer(number, isData: isData) }
        }
        guard let number = double(value), number.isFinite else { return bound[0] ?? .integer(0) }
        guard let whole = Int(exactly: number.rounded(.towardZero)) else {
            throw Fault.largeInteger
        }
        return .integer(whole, isData: isData)
    }

    @Sendable private static func round(_ value: Value, _ arguments: Arguments, _ context: any Context) throws
        -> Value
    {
        let bound = try arguments.bound("precision", "method", of: "round")
        let precision = try bound[0]?.wantedInteger("the precision of round") ?? 0
        let method = try bound[1]?.wantedText("the method of round").string ?? "common"
        guard ["common", "ceil", "floor"].contains(method) else {
            throw Fault.evaluation("method must be common, ceil or floor")
        }
        guard (0...15).contains(precision) else {
            throw Fault.unsupported("the precision \(precision) of round")
        }
        guard let number = value.double else {
            if case .largeInteger = value.kind { throw Fault.largeInteger }
            throw Fault.evaluation("round needs a number, not \(value.typeName)")
        }
        if method == "common" {
            if let whole = value.integer { return .integer(whole, isData: value.isData) }
            // Exactly halfway between two decimals goes to the even one, as printf does it too.
            let text = String(format: "%.\(precision)f", locale: nil, number)
            return .float(Double(text) ?? number, isData: value.isData)
        }
        let scale = pow(10, Double(precision))
        let scaled = (number * scale).rounded(method == "ceil" ? .up : .down)
        return .float(scaled / scale, isData: value.isData)
    }

    @Sendable private static func sum(_ value: Value, _ arguments: Arguments, _ context: any Context) throws
        -> Value
    {
        let bound = try arguments.bound("attribute", "start", of: "sum")
        let path = try bound[0].flatMap { $0.isNone ? nil : try MemberPath($0) }
        return try value.items(context.meter).reduce(bound[1] ?? .integer(0)) { total, item in
            let item = try path?.value(in: item, default: nil, context.meter) ?? item
            return try Arithmetic.apply(total, .add, item, context.meter)
        }
    }

    @Sendable private static func wordcount(_ value: Value, _ arguments: Arguments, _ context: any Context)
        throws
        -> Value
    {
        try arguments.checkNone(of: "wordcount")
        var (words, isInside) = (0, false)
        for scalar in try value.shown(context.meter).scalars {
            let isWord =
                scalar.properties.isAlphabetic || scalar.properties.numericType != nil || scalar == "_"
            if isWord, !isInside { words += 1 }
            isInside = isWord
        }
        return .integer(words)
    }
}
