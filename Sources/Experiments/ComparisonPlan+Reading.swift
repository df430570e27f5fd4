import Foundation
import Yams

extension ComparisonPlan {
    /// Larger files are refused unread.
    package static let largestFile = 1 << 20

    static let keys = [
        "name", "model", "train", "validation", "test", "folds", "fold-seed", "validation-fraction", "metric",
        "average-ranks", "budget-parameters", "match", "seeds",
        "search", "baseline", "settings", "arms",
    ]

    /// Reads a plan.
    ///
    /// - Parameters:
    ///   - yaml: the text of the file.
    ///   - file: its name, for messages.
    ///   - settings: the names of all settings of `adalora train`.
    /// - Throws: `ComparisonError` with every problem found, each with its line.
    package static func read(yaml: String, file: String, settings: [String]) throws -> ComparisonPlan {
        // libyaml counts a byte order mark as a column, which indents the first key.
        let yaml = String(yaml.unicodeScalars.drop { $0 == "\u{FEFF}" })
        let problems = PlanProblems(file: file)
        let root = try compose(yaml, file: file)
        guard case .mapping(let mapping) = root else {
            throw ComparisonError("\(file):1: the plan is not a mapping; write one 'key: value' a line")
        }
        let fields = PlanFields(mapping, line: 1, place: "", keys: keys, problems: problems)
        var reader = PlanReader(fields: fields, settingNames: settings)
        let plan = reader.plan(source: yaml)
        guard let plan, problems.lines.isEmpty else {
            throw ComparisonError(
                problems.lines.isEmpty ? ["\(file): the plan cannot be read; check it"] : problems.lines)
        }
        return plan
    }

    private static func compose(_ text: String, file: String) throws -> Node? {
        guard text.utf8.count <= largestFile else {
            throw ComparisonError(
                "\(file): \(text.utf8.count) bytes are too many for a plan; use at most \(largestFile) bytes")
        }
        do {
            // An anchor used many times makes a tree far larger than the file, so anchors are looked for in a
            // copy whose aliases are plain texts.
            if text.utf8.contains(UInt8(ascii: "&")) {
                let inert = text.replacingOccurrences(of: "*", with: "\u{E000}")
                let parser = try Parser(yaml: inert, resolver: .basic, encoding: .utf8)
                try withExtendedLifetime(parser) {
                    if let root = try parser.singleRoot(), let line = lineOfAnchor(in: root) {
                        throw ComparisonError(
                            "\(file):\(line): anchors and aliases are not accepted; write each value out")
                    }
                }
            }
            return try Parser(yaml: text, resolver: .basic, encoding: .utf8).singleRoot()
        } catch let error as YamlError {
            throw ComparisonError(describe(error, file: file))
        }
    }

    private static func lineOfAnchor(in node: Node) -> Int? {
        if node.anchor != nil { return node.mark?.line ?? 1 }
        switch node {
        case .mapping(let mapping):
            return mapping.lazy.compactMap { lineOfAnchor(in: $0.key) ?? lineOfAnchor(in: $0.value) }.first
        case .sequence(let sequence): return sequence.lazy.compactMap { lineOfAnchor(in: $0) }.first
        case .scalar, .alias: return nil
        }
    }

    private static func describe(_ error: YamlError, file: String) -> String {
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let parts = [context?.text, problem].compactMap { $0 }.joined(separator: " ")
            return
                "\(file):\(mark.line): not valid YAML: \(parts); "
                + "check the indentation, colons and quotes there"
        case .duplicatedKeysInMapping(let keys, let context):
            let names = keys.prefix(10).map { quoted($0) }.joined(separator: ", ")
            return "\(file):\(context.mark.line): given more than once: \(names); keep one of each"
        case .reader(let problem, _, _, _):
            return "\(file): not valid YAML: \(problem); save the file as plain UTF-8 text"
        default:
            return "\(file): \(quoted(String(describing: error), limit: 200)); check that it is valid YAML"
        }
    }
}
