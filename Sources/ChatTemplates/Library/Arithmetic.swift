import Foundation

/// Python's arithmetic on values.
enum Arithmetic {
    static func apply(
        _ left: Value, _ arithmetic: ArithmeticOperator, _ right: Value, _ meter: Meter
    ) throws -> Value {
        if arithmetic == .remainder, case .text = left.kind {
            throw Fault.unsupported("formatting a text with '%'")
        }
        for operand in [left, right] {
            if case .undefined(let what) = operand.kind { throw Fault.evaluation(what) }
        }
        if arithmetic == .add, let sum = try added(left, right, meter) { return sum }
        if arithmetic == .multiply, let product = try repeated(left, right, meter) { return product }
        for operand in [left, right] {
            if case .largeInteger = operand.kind {
                throw Fault.largeInteger
            }
        }
        let isData = left.isData || right.isData
        if let first = left.integer, let second = right.integer {
            return try integers(first, arithmetic, second, isData)
        }
        guard let first = left.double, let second = right.double else {
            throw Fault.evaluation(
                "unsupported operand types for \(arithmetic.rawValue): '\(left.typeName)' and '\(right.typeName)'"
            )
        }
        return .float(try floats(first, arithmetic, second), isData: isData)
    }

    /// Texts, lists and tuples end to end; nil for others.
    private static func added(_ left: Value, _ right: Value, _ meter: Meter) throws -> Value? {
        switch (left.kind, right.kind) {
        case (.text(var first), .text(var second)):
            try meter.checkText(first.count + second.count)
            if first.isSafe != second.isSafe {
                (first, second) = (first.escapedForHTML, second.escapedForHTML)
            }
            first.append(second)
            return .text(first)
        case (.list(let first), .list(let second)):
            try meter.charge(first.items.count + second.items.count)
            return .list(first.items + second.items, isData: left.isData && right.isData)
        case (.tuple(let first), .tuple(let second)):
            try meter.charge(first.items.count + second.items.count)
            return .tuple(first.items + second.items, isData: left.isData && right.isData)
        case (.text, _): throw Fault.evaluation("can only concatenate str (not \"\(right.typeName)\") to str")
        default: return nil
        }
    }

    private static func repeated(_ left: Value, _ right: Value, _ meter: Meter) throws -> Value? {
        let (sequence, times) = left.integer == nil ? (left, right.integer) : (right, left.integer)
        guard let times, let length = sequence.length else { return nil }
        let (total, isTooLong) = length.multipliedReportingOverflow(by: max(times, 0))
        try meter.checkText(isTooLong ? .max : total)
        switch sequence.kind {
        case .text(let text): return .text(text.repeated(times))
        case .list(let list):
            try meter.charge(total)
            return .list(Array((0..<max(times, 0)).map { _ in list.items }.joined()), isData: sequence.isData)
        case .tuple(let list):
            try meter.charge(total)
            return .tuple(
                Array((0..<max(times, 0)).map { _ in list.items }.joined()), isData: sequence.isData)
        default: return nil
        }
    }

    private static func integers(
        _ left: Int, _ arithmetic: ArithmeticOperator, _ right: Int, _ isData: Bool
    ) throws -> Value {
        func checked(_ result: (partialValue: Int, overflow: Bool)) throws -> Value {
            guard !result.overflow else { throw Fault.largeInteger }
            return .integer(result.partialValue, isData: isData)
        }
        switch arithmetic {
        case .add: return try checked(left.addingReportingOverflow(right))
        case .subtract: return try checked(left.subtractingReportingOverflow(right))
        case .multiply: return try checked(left.multipliedReportingOverflow(by: right))
        case .divide:
            guard right != 0 else { throw Fault.evaluation("division by zero") }
            return .float(Double(left) / Double(right), isData: isData)
        case .floorDivide, .remainder:
            guard right != 0 else { throw Fault.evaluation("integer division or modulo by zero") }
            let quotient = left.dividedReportingOverflow(by: right)
            let rest = left.remainderReportingOverflow(dividingBy: right).partialValue
            // Python rounds towards minus infinity, and the rest has the sign of the divisor.
            let isUneven = rest != 0 && (rest < 0) != (right < 0)
            if arithmetic == .remainder { return .integer(isUneven ? rest + right : rest, isData: isData) }
            return try checked((quotient.partialValue - (isUneven ? 1 : 0), quotient.overflow))
        case .power:
            guard right >= 0 else {
                guard left != 0 else { throw Fault.evaluation("0.0 cannot be raised to a negative power") }
                return .float(pow(Double(left), Double(right)), isData: isData)
            }
            return .integer(try power(left, right), isData: isData)
        }
    }

    private static func power(_ base: Int, _ exponent: Int) throws -> Int {
        if base == 0 || base == 1 || exponent == 0 { return exponent == 0 ? 1 : base }
        if base == -1 { return exponent.isMultiple(of: 2) ? 1 : -1 }
        var result = 1
        for _ in 0..<min(exponent, 64) {
            let (product, isTooLarge) = result.multipliedReportingOverflow(by: base)
            guard !isTooLarge else { throw Fault.largeInteger }
            result = product
        }
        return result
    }

    private static func floats(_ left: Double, _ arithmetic: ArithmeticOperator, _ right: Double) throws
        -> Double
    {
        switch arithmetic {
        case .add: return left + right
        case .subtract: return left - right
        case .multiply: return left * right
        case .power:
            let result = pow(left, right)
            guard left == 0 ? right >= 0 : !(left < 0 && right != right.rounded()) else {
                throw Fault.unsupported("this power of a float")
            }
            return result
        case .divide, .floorDivide, .remainder:
            guard right != 0 else { throw Fault.evaluation("float division by zero") }
            if arithmetic == .divide { return left / right }
            var rest = fmod(left, right)
            if rest == 0 { rest = right < 0 ? -0.0 : 0.0 } else if (rest < 0) != (right < 0) { rest += right }
            return arithmetic == .remainder ? rest : ((left - rest) / right).rounded()
        }
    }

    static func negated(_ value: Value) throws -> Value {
        switch value.kind {
        case .undefined(let what): throw Fault.evaluation(what)
        case .float(let number): return .float(-number, isData: value.isData)
        case .largeInteger(let digits):
            let opposite = digits.hasPrefix("-") ? String(digits.dropFirst()) : "-" + digits
            return Value(.largeInteger(opposite), isData: value.isData)
        default:
            guard let number = value.integer else {
                throw Fault.evaluation("bad operand type for unary -: '\(value.typeName)'")
            }
            return try integers(0, .subtract, number, value.isData)
        }
    }

    static func positive(_ value: Value) throws -> Value {
        switch value.kind {
        case .undefined(let what): throw Fault.evaluation(what)
        case .float, .largeInteger: return value
        default:
            guard let number = value.integer else {
                throw Fault.evaluation("bad operand type for unary +: '\(value.typeName)'")
            }
            return .integer(number, isData: value.isData)
        }
    }
}
