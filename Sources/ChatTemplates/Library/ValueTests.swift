/// The tests behind `is`, by name.
enum ValueTests {
    static let all: [String: ValueTest] = plain.merging(comparing) { first, _ in first }

    private static let plain: [String: ValueTest] = [
        "boolean": alone("boolean") { if case .bool = $0.kind { true } else { false } },
        "callable": alone("callable") {
            switch $0.kind {
            case .macro, .function, .method: true
            // Jinja2's loop can be called, which recursive loops do, and so can what is undefined, to fail.
            case .loop, .undefined: true
            default: false
            }
        },
        "defined": alone("defined") { !$0.isUndefined },
        "escaped": alone("escaped") { $0.text?.isSafe == true },
        "even": alone("even") { try Self.remainder($0, 2) == 0 },
        "false": alone("false") { if case .bool(false) = $0.kind { true } else { false } },
        "filter": alone("filter") { $0.text.map { Filters.all[$0.string] != nil } ?? false },
        "float": alone("float") { if case .float = $0.kind { true } else { false } },
        "integer": alone("integer") {
            switch $0.kind {
            case .integer, .largeInteger: true
            default: false
            }
        },
        "iterable": alone("iterable") { $0.isIterable },
        "mapping": alone("mapping") { if case .dictionary = $0.kind { true } else { false } },
        "none": alone("none") { $0.isNone },
        "number": alone("number") {
            switch $0.kind {
            case .integer, .largeInteger, .float, .bool: true
            default: false
            }
        },
        "odd": alone("odd") { try Self.remainder($0, 2) == 1 },
        "sequence": alone("sequence") {
            switch $0.kind {
            case .undefined, .text, .list, .tuple, .dictionary, .range: true
            default: false
            }
        },
        "string": alone("string") { $0.text != nil },
        "test": alone("test") { $0.text.map { all[$0.string] != nil } ?? false },
        "true": alone("true") { if case .bool(true) = $0.kind { true } else { false } },
        "undefined": alone("undefined") { $0.isUndefined },
        "lower": { value, arguments, context in
            try arguments.checkNone(of: "lower")
            return try value.shown(context.meter).isLowercase
        },
        "upper": { value, arguments, context in
            try arguments.checkNone(of: "upper")
            return try value.shown(context.meter).isUppercase
        },
    ]

    private static let comparing: [String: ValueTest] = {
        let equal: ValueTest = against("eq") { try $0.equals($1, $2) }
        let unequal: ValueTest = against("ne") { try !$0.equals($1, $2) }
        let less: ValueTest = against("lt") { try $0.isLess(than: $1, $2) }
        let atMost: ValueTest = against("le") { try $0.isAtMost($1, $2) }
        let greater: ValueTest = against("gt") { try $1.isLess(than: $0, $2) }
        let atLeast: ValueTest = against("ge") { try $1.isAtMost($0, $2) }
        return [
            "==": equal, "eq": equal, "equalto": equal, "!=": unequal, "ne": unequal,
            "<": less, "lt": less, "lessthan": less, "<=": atMost, "le": atMost,
            ">": greater, "gt": greater, "greaterthan": greater, ">=": atLeast, "ge": atLeast,
            "in": against("in") { try $1.contains($0, $2) },
            "divisibleby": against("divisibleby") { value, other, _ in
                try remainder(value, other.wantedInteger("the argument of divisibleby")) == 0
            },
            "sameas": against("sameas") { value, other, meter in
                switch (value.kind, other.kind) {
                case (.none, .none), (.bool, .bool), (.integer, .integer), (.namespace, .namespace),
                    (.macro, .macro), (.loop, .loop), (.iterator, .iterator):
                    return try value.equals(other, meter)
                case (.text, .text), (.list, .list), (.dictionary, .dictionary), (.tuple, .tuple),
                    (.float, .float):
                    throw Fault.unsupported("the test 'sameas' on two values of type \(value.typeName)")
                default: return false
                }
            },
        ]
    }()

    private static func alone(_ name: String, _ test: @escaping @Sendable (Value) throws -> Bool) -> ValueTest
    {
        { value, arguments, _ in
            try arguments.checkNone(of: name)
            return try test(value)
        }
    }

    private static func against(
        _ name: String, _ test: @escaping @Sendable (Value, Value, Meter) throws -> Bool
    ) -> ValueTest {
        { value, arguments, context in
            let other = try required(try arguments.bound("other", of: name)[0], "other", of: name)
            return try test(value, other, context.meter)
        }
    }

    /// Nil for a float between two integers.
    private static func remainder(_ value: Value, _ divisor: Int) throws -> Int? {
        if case .float(let number) = value.kind {
            guard let whole = Int(exactly: number) else { return nil }
            return try remainder(.integer(whole), divisor)
        }
        let number = try value.wantedInteger("the value of the test")
        guard divisor != 0 else { throw Fault.evaluation("integer division or modulo by zero") }
        return abs(number.remainderReportingOverflow(dividingBy: divisor).partialValue)
    }
}
