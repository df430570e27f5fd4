import Foundation
import Messages
import RunConfiguration
import Yams

/// Problems found so far, in the order of the file.
final class PlanProblems {
    let file: String
    private(set) var lines: [String] = []

    init(file: String) { self.file = file }

    func add(_ line: Int, _ place: String, _ what: String, _ advice: String) {
        lines.append("\(file):\(line): \(place.isEmpty ? "" : place + ": ")\(what); \(advice)")
    }
}

/// One mapping of the plan. Every reader reports what is wrong and gives nil, so that reading goes on.
struct PlanFields {
    /// A scalar and its line.
    struct Text {
        let text: String
        let line: Int
    }

    /// Where the mapping stands: empty for the file itself, else `arm 'LoRA'`.
    let place: String
    let line: Int
    let problems: PlanProblems
    private var values: [String: Node] = [:]
    private var lines: [String: Int] = [:]
    /// In the order of the file.
    private(set) var keys: [String] = []

    init(_ mapping: Node.Mapping, line: Int, place: String, keys known: [String]?, problems: PlanProblems) {
        self.place = place
        self.line = line
        self.problems = problems
        for (key, value) in mapping {
            let keyLine = key.mark?.line ?? line
            guard case .scalar(let scalar) = key else {
                problems.add(keyLine, place, "a key is not a text", "write one 'key: value' a line")
                continue
            }
            let name = scalar.string
            if let known, !known.contains(name) {
                let near = nearestName(to: name, in: known)
                problems.add(
                    keyLine, place, "\(quoted(name)) is not a key here",
                    near.map { "did you mean '\($0)'?" } ?? "use one of \(known.joined(separator: ", "))")
                continue
            }
            values[name] = value
            lines[name] = keyLine
            keys.append(name)
        }
    }

    func has(_ key: String) -> Bool { values[key] != nil }

    func line(of key: String) -> Int { lines[key] ?? line }

    func report(_ key: String, _ what: String, _ advice: String) {
        problems.add(line(of: key), place, what, advice)
    }

    func require(_ key: String, _ advice: String) {
        if !has(key) { problems.add(line, place, "'\(key)' is missing", advice) }
    }

    func node(_ key: String) -> Node? { values[key] }

    func text(_ key: String) -> String? {
        guard let value = values[key] else { return nil }
        guard case .scalar(let scalar) = value, !scalar.string.isEmpty else {
            report(key, "'\(key)' is not a text", "write '\(key): VALUE'")
            return nil
        }
        return scalar.string
    }

    func flag(_ key: String) -> Bool {
        guard let text = text(key) else { return false }
        if text != "true", text != "false" {
            report(key, "'\(key)' is \(quoted(text))", "write true or false")
        }
        return text == "true"
    }

    func fields(_ key: String, place inner: String, keys: [String]?) -> PlanFields? {
        guard let value = values[key] else { return nil }
        guard case .mapping(let mapping) = value else {
            report(key, "'\(key)' is not a mapping", "write '\(key): {KEY: VALUE}'")
            return nil
        }
        let whole = place.isEmpty ? inner : "\(place), \(inner)"
        return PlanFields(mapping, line: line(of: key), place: whole, keys: keys, problems: problems)
    }

    /// A list of scalars, or a single one.
    func texts(_ key: String) -> [Text]? {
        guard let value = values[key] else { return nil }
        switch value {
        case .scalar(let scalar) where !scalar.string.isEmpty:
            return [Text(text: scalar.string, line: line(of: key))]
        case .sequence(let sequence) where !sequence.isEmpty:
            var result: [Text] = []
            for item in sequence {
                guard case .scalar(let scalar) = item, !scalar.string.isEmpty else {
                    problems.add(
                        item.mark?.line ?? line(of: key), place, "'\(key)' holds more than plain values",
                        "write '\(key): [VALUE, VALUE]'")
                    return nil
                }
                result.append(Text(text: scalar.string, line: item.mark?.line ?? line(of: key)))
            }
            return result
        default:
            report(key, "'\(key)' is not a list of values", "write '\(key): [VALUE, VALUE]'")
            return nil
        }
    }

    /// Each item of a list as `read` makes it; repeated ones are problems.
    func list<Value: Hashable>(_ key: String, _ wanted: String, _ read: (String) -> Value?) -> [Value]? {
        guard let items = texts(key) else { return nil }
        var result: [Value] = []
        var isFine = true
        for item in items {
            if let value = read(item.text) {
                if result.contains(value) {
                    problems.add(item.line, place, "'\(key)' holds \(quoted(item.text)) twice", "keep one")
                    isFine = false
                } else {
                    result.append(value)
                }
            } else {
                problems.add(item.line, place, "'\(key)' holds \(quoted(item.text))", "use \(wanted)")
                isFine = false
            }
        }
        return isFine ? result : nil
    }

    func seeds(_ key: String) -> [UInt64]? {
        list(key, "whole numbers from 0") { text in
            text.utf8.allSatisfy { (48...57).contains($0) } ? UInt64(text) : nil
        }
    }

    /// Ascending.
    func learningRates(_ key: String) -> [Double]? {
        list(key, "learning rates above 0 and up to 1000, like 3e-3") {
            PlanFields.number($0).flatMap { $0 > 0 && $0 <= 1000 ? $0 : nil }
        }?.sorted()
    }

    /// Decimal digits, with a fraction and an exponent if any; no `inf`, no hexadecimal.
    static func number(_ text: String) -> Double? {
        guard text.utf8.allSatisfy({ "0123456789.eE+-".utf8.contains($0) }), let value = Double(text) else {
            return nil
        }
        return value.isFinite ? value : nil
    }

    /// `166000`, `166k`, `1.2M`
    static func parameters(_ text: String) -> Int? {
        let factors: [Character: Double] = ["k": 1_000, "M": 1_000_000]
        let factor = text.last.flatMap { factors[$0] }
        let digits = factor == nil ? text[...] : text.dropLast()
        guard digits.utf8.allSatisfy({ "0123456789.".utf8.contains($0) }), let value = Double(digits) else {
            return nil
        }
        let whole = value * (factor ?? 1)
        guard whole >= 1, whole < 1e12, whole == whole.rounded() else { return nil }
        return Int(whole)
    }
}
