import Foundation
import Messages

extension JSONReader {
    /// The string whose opening quote is at `at`.
    mutating func string() throws -> String {
        let start = at + 1
        at = start
        while at < bytes.count {
            switch bytes[at] {
            case UInt8(ascii: "\""):
                defer { at += 1 }
                return try text(UnsafeBufferPointer(rebasing: bytes[start..<at]), from: start)
            case UInt8(ascii: "\\"): return try escapedString(from: start)
            case 0..<0x20: throw fault("a control character inside a string")
            default: at += 1
            }
        }
        throw fault("a string does not end", at: start - 1)
    }

    private func text(_ utf8: UnsafeBufferPointer<UInt8>, from start: Int) throws -> String {
        guard let text = String(validating: utf8, as: UTF8.self) else {
            throw fault("a string that is not valid UTF-8", at: start - 1)
        }
        return text
    }

    /// The rest of a string from its first backslash on.
    private mutating func escapedString(from start: Int) throws -> String {
        var decoded = Array(bytes[start..<at])
        while at < bytes.count {
            let byte = bytes[at]
            switch byte {
            case UInt8(ascii: "\""):
                at += 1
                return try decoded.withUnsafeBufferPointer { try text($0, from: start) }
            case UInt8(ascii: "\\"): try escape(into: &decoded)
            case 0..<0x20: throw fault("a control character inside a string")
            default:
                decoded.append(byte)
                at += 1
            }
        }
        throw fault("a string does not end", at: start - 1)
    }

    private mutating func escape(into decoded: inout [UInt8]) throws {
        let start = at
        guard at + 1 < bytes.count else { throw fault("an escape is cut off") }
        let letter = bytes[at + 1]
        at += 2
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): decoded.append(letter)
        case UInt8(ascii: "b"): decoded.append(0x08)
        case UInt8(ascii: "f"): decoded.append(0x0C)
        case UInt8(ascii: "n"): decoded.append(0x0A)
        case UInt8(ascii: "r"): decoded.append(0x0D)
        case UInt8(ascii: "t"): decoded.append(0x09)
        case UInt8(ascii: "u"):
            var code = try hexDigits(start)
            if (0xD800..<0xDC00).contains(code), at + 1 < bytes.count, bytes[at] == UInt8(ascii: "\\"),
                bytes[at + 1] == UInt8(ascii: "u")
            {
                at += 2
                let low = try hexDigits(at - 2)
                guard (0xDC00..<0xE000).contains(low) else { throw fault("a lone surrogate", at: start) }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw fault("a lone surrogate", at: start) }
            decoded += UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter
        default: throw fault("an unknown escape", at: start)
        }
    }

    private mutating func hexDigits(_ start: Int) throws -> UInt32 {
        guard bytes.count - at >= 4 else { throw fault("an escape is cut off", at: start) }
        var code: UInt32 = 0
        for byte in bytes[at..<at + 4] {
            guard let digit = Character(UnicodeScalar(byte)).hexDigitValue, byte < 0x80 else {
                throw fault("an escape without four hexadecimal digits", at: start)
            }
            code = code << 4 | UInt32(digit)
        }
        at += 4
        return code
    }

    /// The number that begins at `at`, rounded to the nearest `Double` but for large integers.
    mutating func number() throws -> JSONValue {
        let start = at
        let negative = bytes[at] == UInt8(ascii: "-")
        if negative { at += 1 }
        var mantissa: UInt64 = 0
        let whole = digits(into: &mantissa)
        guard whole > 0 else { throw fault("a number without digits", at: start) }
        guard whole == 1 || bytes[at - whole] != UInt8(ascii: "0") else {
            throw fault("a number with a leading zero", at: start)
        }
        var fraction = 0
        if at < bytes.count, bytes[at] == UInt8(ascii: ".") {
            at += 1
            fraction = digits(into: &mantissa)
            guard fraction > 0 else { throw fault("a number without digits after its point", at: start) }
        }
        let hasExponent = at < bytes.count && bytes[at] | 0x20 == UInt8(ascii: "e")
        let isInteger = fraction == 0 && !hasExponent
        var power = hasExponent ? try exponent(start) : 0
        // Up to 15 digits and 10^22 both factors are exact, so one operation rounds correctly (Clinger 1990).
        power -= fraction
        if whole + fraction <= 15, power.magnitude <= 22 {
            let scale = Self.powersOfTen[Int(power.magnitude)]
            let value = power < 0 ? Double(mantissa) / scale : Double(mantissa) * scale
            return .number(negative ? -value : value)
        }
        let text = String(decoding: bytes[start..<at], as: UTF8.self)
        guard let value = Double(text), value.isFinite else {
            throw fault("the number \(quoted(text, limit: 40)) is out of range", at: start)
        }
        let isLarge = isInteger && value.magnitude > JSONValue.largestExactInteger
        return isLarge ? .largeInteger(text) : .number(value)
    }

    private static let powersOfTen: [Double] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
        1e18,
        1e19, 1e20, 1e21, 1e22,
    ]

    /// Passes over digits and returns how many; `mantissa` is only meaningful up to 15 of them.
    private mutating func digits(into mantissa: inout UInt64) -> Int {
        let start = at
        while at < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[at]) {
            mantissa = mantissa &* 10 &+ UInt64(bytes[at] - UInt8(ascii: "0"))
            at += 1
        }
        return at - start
    }

    /// The signed exponent; beyond ±10,000 its exact value no longer matters, and it must not overflow.
    private mutating func exponent(_ start: Int) throws -> Int {
        at += 1
        var negative = false
        if at < bytes.count, bytes[at] == UInt8(ascii: "-") || bytes[at] == UInt8(ascii: "+") {
            negative = bytes[at] == UInt8(ascii: "-")
            at += 1
        }
        var magnitude: UInt64 = 0
        let count = digits(into: &magnitude)
        guard count > 0 else { throw fault("a number without digits in its exponent", at: start) }
        let bounded = count > 15 ? 10_000 : Int(min(magnitude, 10_000))
        return negative ? -bounded : bounded
    }
}
