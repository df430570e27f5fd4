import Foundation
import Messages

/// A value as written in a file or after a flag, and the ways to read it.
///
/// Each reader throws a `ValueProblem` unless the value is exactly of its kind.
package struct SettingValue: Sendable {
    package enum Content: Sendable {
        case text(String)
        /// A YAML text in quotes or a block: never a number.
        case quotedText(String)
        case list([String])
        /// An explicit YAML null: the setting is unset.
        case null
        /// A YAML value with nothing in it.
        case empty
        /// Anything else, described with its article.
        case other(String)
    }

    package let content: Content

    package init(content: Content) { self.content = content }

    package func number(_ range: NumberRange) throws -> Double {
        let text = try bareText("a number", example: "0.003 or 3e-3")
        // Double(_:) also takes 'nan', 'inf' and hexadecimal, which no one means here.
        guard text.allSatisfy({ "0123456789+-.eE".contains($0) }), let number = Double(text) else {
            throw ValueProblem("\(quoted(text)) is not a number", "write it like 0.003 or 3e-3")
        }
        let digits = text.prefix { $0 != "e" && $0 != "E" }
        // Training computes in Float32, where a smaller number than about 1e-45 is 0.
        let vanished = Float(number) == 0 && digits.contains { "123456789".contains($0) }
        guard range.contains(number), !vanished else {
            throw ValueProblem("\(quoted(text)) is out of range", "use a number \(range)")
        }
        return number
    }

    package func wholeNumber(_ range: ClosedRange<Int>) throws -> Int {
        let text = try bareText("a whole number", example: "300")
        try checkDigits(text)
        guard let number = Int(text), range.contains(number) else {
            throw ValueProblem(
                "\(quoted(text)) is out of range",
                "use a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    package func seed() throws -> UInt64 {
        let text = try bareText("a whole number", example: "42")
        try checkDigits(text)
        guard let number = UInt64(text) else {
            throw ValueProblem(
                "\(quoted(text)) is out of range", "use a whole number from 0 to \(UInt64.max)")
        }
        return number
    }

    /// Any text but an empty one; a YAML `true` or `5` is that text.
    package func text() throws -> String {
        switch content {
        case .text(let text), .quotedText(let text):
            try checkText(text)
            return text
        case .null: throw ValueProblem("null is not a text", "give a text, or leave the key out")
        case .empty: throw ValueProblem("the value is empty", "give a text, or leave the key out")
        case .list: throw ValueProblem("a list is not a text", "give one text")
        case .other(let kind): throw ValueProblem("\(kind) is not a text", "give one text")
        }
    }

    /// A whole number that may end in k or M: 300k, 1.2M.
    package func largeNumber(_ range: ClosedRange<Int>) throws -> Int {
        let text = try bareText("a whole number", example: "300k")
        let places: Int
        switch text.last {
        case "k": places = 3
        case "M": places = 6
        default: return try wholeNumber(range)
        }
        // Moving the decimal point in the text is exact, as a product with 1000 is not.
        let parts = text.dropLast().split(separator: ".", omittingEmptySubsequences: false)
        let fraction = parts.count > 1 ? String(parts[1]) : ""
        guard parts.count <= 2, fraction.count <= places, let whole = parts.first, !whole.isEmpty,
            (whole + fraction).allSatisfy({ "0123456789".contains($0) })
        else { throw ValueProblem("\(quoted(text)) is not a whole number", "write it like 300k or 1.2M") }
        let digits = whole + fraction + String(repeating: "0", count: places - fraction.count)
        guard let number = Int(digits), range.contains(number) else {
            throw ValueProblem(
                "\(quoted(text)) is out of range", "use \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    package func choice<Choice: RawRepresentable & CaseIterable>(of: Choice.Type = Choice.self) throws
        -> Choice
    where Choice.RawValue == String {
        try choice(among: Array(Choice.allCases), named: \.rawValue)
    }

    /// One of `choices`, by its name.
    package func choice<Choice>(among choices: [Choice], named name: (Choice) -> String) throws -> Choice {
        let names = choices.map(name)
        let text: String
        switch content {
        case .text(let written), .quotedText(let written): text = written
        case .null: text = "null"
        case .empty: throw ValueProblem("the value is empty", "use \(alternatives(names))")
        case .list: throw ValueProblem("a list is not one choice", "use \(alternatives(names))")
        case .other(let kind): throw ValueProblem("\(kind) is not a choice", "use \(alternatives(names))")
        }
        guard let choice = choices.first(where: { name($0) == text }) else {
            let advice = nearestName(to: text, in: names).map { "did you mean \(quoted($0))? " } ?? ""
            throw ValueProblem("\(quoted(text)) is not a choice", "\(advice)use \(alternatives(names))")
        }
        return choice
    }

    /// A YAML list, or texts with commas between them: at least one name, none empty, none twice.
    package func names() throws -> [String] {
        let names: [String]
        switch content {
        case .list(let items): names = items
        case .text(let text), .quotedText(let text): names = Self.split(text)
        default: names = [try text()]
        }
        guard !names.isEmpty else {
            throw ValueProblem("the list is empty", "name at least one, or leave the key out")
        }
        var seen = Set<String>()
        for name in names {
            try checkText(name)
            if !seen.insert(name).inserted {
                throw ValueProblem("\(quoted(name)) is listed twice", "name each once")
            }
        }
        return names
    }

    /// nil for an explicit null.
    package func orNone<Value>(_ read: (SettingValue) throws -> Value) rethrows -> Value? {
        if case .null = content { return nil }
        return try read(self)
    }

    package var isNull: Bool {
        if case .null = content { return true }
        return false
    }

    private static func split(_ text: String) -> [String] {
        text.split(separator: ",", omittingEmptySubsequences: false).map {
            var part = $0
            while part.first == " " { part.removeFirst() }
            while part.last == " " { part.removeLast() }
            return String(part)
        }
    }

    private func bareText(_ wanted: String, example: String) throws -> String {
        switch content {
        case .text(let text): return text
        case .quotedText(let text):
            throw ValueProblem(
                "\(quoted(text)) in quotes is a text, not \(wanted)", "write it like \(example)")
        case .null: throw ValueProblem("null is not \(wanted)", "write it like \(example)")
        case .empty: throw ValueProblem("the value is empty", "write \(wanted) like \(example)")
        case .list: throw ValueProblem("a list is not \(wanted)", "write it like \(example)")
        case .other(let kind): throw ValueProblem("\(kind) is not \(wanted)", "write it like \(example)")
        }
    }

    private func checkDigits(_ text: String) throws {
        let digits = text.first == "-" || text.first == "+" ? text.dropFirst() : text[...]
        guard !digits.isEmpty, digits.allSatisfy({ "0123456789".contains($0) }) else {
            throw ValueProblem("\(quoted(text)) is not a whole number", "write it like 300")
        }
    }

    private func checkText(_ text: String) throws {
        if text.isEmpty { throw ValueProblem("a text is empty", "give a text, or leave the key out") }
        if text.unicodeScalars.contains("\0") {
            throw ValueProblem("\(quoted(text)) has a NUL character", "remove it")
        }
        // YAML readers drop it at a text's start, so that the resolved copy would say another path.
        if text.unicodeScalars.first == "\u{feff}" {
            throw ValueProblem("\(quoted(text)) starts with a byte order mark", "remove it")
        }
    }
}

/// `a, b or c`
package func alternatives(_ names: [String]) -> String {
    names.count < 2 ? names.joined() : names.dropLast().joined(separator: ", ") + " or " + (names.last ?? "")
}

/// The numbers that a setting accepts; NaN is in none of them.
package enum NumberRange: Sendable, CustomStringConvertible {
    case zeroToBelowOne
    case aboveZeroToBelowOne
    case zeroTo(Int)
    case aboveZeroTo(Int)

    func contains(_ number: Double) -> Bool {
        switch self {
        case .zeroToBelowOne: number >= 0 && number < 1
        case .aboveZeroToBelowOne: number > 0 && number < 1
        case .zeroTo(let most): number >= 0 && number <= Double(most)
        case .aboveZeroTo(let most): number > 0 && number <= Double(most)
        }
    }

    package var description: String {
        switch self {
        case .zeroToBelowOne: "from 0 to below 1"
        case .aboveZeroToBelowOne: "above 0 and below 1"
        case .zeroTo(let most): "from 0 to \(most)"
        case .aboveZeroTo(let most): "above 0 and at most \(most)"
        }
    }
}
