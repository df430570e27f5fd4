import Settings
import Yams

/// The keys and values of one YAML file, each with its line.
struct ConfigFile {
    struct Entry {
        let key: String
        /// Counted from 1.
        let line: Int
        let value: SettingValue
    }

    /// In the order of the file.
    private(set) var entries: [Entry] = []
    private(set) var problems = ProblemList()
    /// False when the text is not a mapping at all, so that nothing is known about its keys.
    private(set) var isReadable = true
    private let name: String

    init(text: String, name: String) {
        self.name = shown(name, limit: 1000)
        // libyaml counts a byte order mark as a column, which indents the first key.
        let text = String(text.unicodeScalars.drop { $0 == "\u{FEFF}" })
        let size = text.utf8.count
        guard size <= RunConfig.largestFile else {
            fail(
                "\(self.name): \(size) bytes are too many for a configuration; use at most "
                    + "\(RunConfig.largestFile) bytes")
            return
        }
        do {
            do {
                try read(compose(text))
            } catch YamlError.duplicatedKeysInMapping(let keys, let context) {
                // Yams gives up at a repeated key: report it, and read the rest of the file without it.
                try read(compose(reportingRepeats(of: keys, near: context.mark.line, in: text)))
            }
        } catch let error as YamlError {
            fail(describe(error))
        } catch let error as Refusal {
            fail("\(self.name):\(error.line): \(error.text)")
        } catch {
            fail("\(self.name): \(shown(String(describing: error))); check that it is valid YAML")
        }
    }

    private struct Refusal: Error {
        let line: Int
        let text: String
    }

    private mutating func fail(_ problem: String) {
        problems.add(problem)
        isReadable = false
    }

    /// Parses text that has no anchors. An anchor used many times, or as a key, makes Yams walk a tree far
    /// larger than the file, so they are looked for in a copy whose aliases are turned into plain texts.
    private func compose(_ text: String) throws -> Node? {
        if text.utf8.contains(UInt8(ascii: "&")) {
            let inert = String(
                String.UnicodeScalarView(text.unicodeScalars.map { $0 == "*" ? "\u{E000}" : $0 }))
            // The anchors live as long as the parser.
            let parser = try Parser(yaml: inert, resolver: .basic, encoding: .utf8)
            try withExtendedLifetime(parser) {
                if let root = try parser.singleRoot() { try refuseAnchors(in: root) }
            }
        }
        return try Parser(yaml: text, resolver: .basic, encoding: .utf8).singleRoot()
    }

    private func refuseAnchors(in node: Node) throws {
        if node.anchor != nil {
            throw Refusal(
                line: node.mark?.line ?? 1,
                text: "anchors and aliases are not accepted; write each value out, or quote a text with '&'")
        }
        switch node {
        case .mapping(let mapping):
            for (key, value) in mapping {
                try refuseAnchors(in: key)
                try refuseAnchors(in: value)
            }
        case .sequence(let sequence):
            for item in sequence { try refuseAnchors(in: item) }
        case .scalar, .alias: break
        }
    }

    private mutating func read(_ root: Node?) throws {
        guard let root else { return }
        if case .scalar(let scalar) = root, scalar.string.isEmpty { return }
        guard case .mapping(let mapping) = root else {
            throw Refusal(
                line: root.mark?.line ?? 1, text: "this is not a mapping; write one 'key: value' a line")
        }
        for (key, value) in mapping {
            let line = key.mark?.line ?? 1
            guard case .scalar(let scalar) = key else {
                problems.add("\(name):\(line): a key is not a text; write one 'key: value' a line")
                continue
            }
            entries.append(
                Entry(key: scalar.string, line: line, value: SettingValue(content: content(value))))
        }
    }

    private func content(_ node: Node) -> SettingValue.Content {
        switch node {
        case .mapping: return .other("a mapping")
        case .alias: return .other("an alias")
        case .scalar(let scalar):
            guard !isTagged(node) else { return .other("a value with a tag") }
            guard scalar.style == .plain else { return .quotedText(scalar.string) }
            switch scalar.string {
            case "": return .empty
            case "null", "Null", "NULL", "~": return .null
            default: return .text(scalar.string)
            }
        case .sequence(let sequence):
            guard !isTagged(node) else { return .other("a value with a tag") }
            var items: [String] = []
            for item in sequence {
                guard case .scalar(let scalar) = item, !isTagged(item) else {
                    return .other("a list of anything but texts")
                }
                items.append(scalar.string)
            }
            return .list(items)
        }
    }

    /// Whether the node has a tag such as `!!float`, which would ask for another reading than ours.
    private func isTagged(_ node: Node) -> Bool {
        let plain: [Tag.Name] = [.implicit, .str, .seq, .map]
        return !plain.contains { $0.rawValue == node.tag.rawValue }
    }
}

extension ConfigFile {
    /// Adds a problem for each repeated key and returns the text without the repetitions, line for line.
    ///
    /// - Parameter line: where one of the keys first stands, for a file whose keys do not start their lines.
    private mutating func reportingRepeats(of keys: [String], near line: Int, in text: String) -> String {
        var firstLines: [String: Int] = [:]
        var found = false
        var isRepeated = false
        // libyaml's line breaks that can stand in a text file; "\r\n" is one character.
        var lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" || $0 == "\r" }
        for index in lines.indices {
            if let key = key(startingLine: lines[index]) {
                isRepeated = keys.contains(key) && firstLines[key] != nil
                if isRepeated, let first = firstLines[key] {
                    found = true
                    problems.add(
                        "\(name):\(index + 1): \(quoted(key)) was already given on line \(first); keep one")
                }
                firstLines[key] = firstLines[key] ?? index + 1
            }
            // Indented lines, list items and comments belong to the key above them.
            if isRepeated { lines[index] = "" }
        }
        if !found {
            let names = keys.prefix(10).map(quoted).joined(separator: ", ")
            problems.add("\(name):\(line): given more than once: \(names); keep one of each")
            isReadable = false
            return ""
        }
        return lines.joined(separator: "\n")
    }

    private func key(startingLine line: Substring) -> String? {
        guard let first = line.first, !" \t-#".contains(first), let colon = line.firstIndex(of: ":") else {
            return nil
        }
        var key = line[..<colon]
        while let last = key.last, last == " " || last == "\t" { key.removeLast() }
        if key.count >= 2, let quote = key.first, "\"'".contains(quote), key.last == quote {
            key = key.dropFirst().dropLast()
        }
        return String(key)
    }

    private func describe(_ error: YamlError) -> String {
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            if problem == "found undefined alias" {
                return "\(name):\(mark.line): anchors and aliases are not accepted; write each value out, "
                    + "or quote a text that starts with '*'"
            }
            let parts = [context?.text, problem].compactMap { $0 }.joined(separator: " ")
            return
                "\(name):\(mark.line): not valid YAML: \(parts); check the indentation, colons and quotes there"
        case .reader(let problem, let offset, _, let yaml):
            let before = yaml.prefix(offset ?? 0)
            let line = before.count { $0.isNewline } + 1
            return "\(name):\(line): not valid YAML: \(problem); save the file as plain UTF-8 text"
        case .duplicatedKeysInMapping(let keys, let context):
            let names = keys.prefix(10).map(quoted).joined(separator: ", ")
            return "\(name):\(context.mark.line): given more than once: \(names); keep one of each"
        default:
            return "\(name): \(shown(String(describing: error), limit: 200)); check that it is valid YAML"
        }
    }
}
