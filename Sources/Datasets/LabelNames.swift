import Foundation
import Messages
import ModelFiles

/// Names for labels that rows give as numbers, as Hugging Face's data sets do.
package struct LabelNames: Sendable, Equatable {
    private let names: [Int: String]
    private let file: String
    private let known: Set<String>

    /// Reads one name a line, from number 0; or JSON: an array of names, `{"0": "O", …}`, or a `config.json` with `id2label`.
    ///
    /// - Throws: `DataError`.
    package init(_ url: URL) throws {
        let source = try SourceText(ofSettings: url)
        file = source.name
        let found = try Self.names(source)
        var known: Set<String> = []
        for (number, name) in found.sorted(by: { $0.key < $1.key }) {
            guard !name.allSatisfy(\.isWhitespace) else {
                throw DataError(file: file, problem: "label \(number) has an empty name", advice: "name it")
            }
            guard known.insert(name).inserted else {
                throw DataError(
                    file: file, problem: "the name \(quoted(name)) occurs twice",
                    advice: "name each label once")
            }
        }
        names = found
        self.known = known
    }

    private static func names(_ source: SourceText) throws -> [Int: String] {
        func problem(_ what: String) -> DataError {
            DataError(
                file: source.name, problem: what,
                advice: "write one name a line, [\"O\", \"B-PER\"], or {\"0\": \"O\", \"1\": \"B-PER\"}")
        }
        func listed(_ names: [String]) -> [Int: String] {
            Dictionary(uniqueKeysWithValues: names.enumerated().map { ($0, $1) })
        }
        guard let value = try source.json() else {
            // A name may begin or end with no white space that anybody sees.
            return listed(source.allLines().map { trimmedOfSpaces($0) })
        }
        if let list = value.array {
            let names = list.compactMap(\.string)
            guard names.count == list.count, !names.isEmpty else { throw problem("not an array of names") }
            return listed(names)
        }
        let object = value["id2label"]?.object ?? value.object ?? JSONObject()
        var names: [Int: String] = [:]
        for (key, value) in object.members {
            guard let number = Int(key), number >= 0, let name = value.string else {
                throw problem("\(quoted(key)) is not the number of a label with its name")
            }
            names[number] = name
        }
        guard !names.isEmpty else { throw problem("no names") }
        return names
    }

    /// The rows with names for their numbers; labels that are names already stay.
    ///
    /// - Throws: `DataError` at the first label that is neither.
    package func named(_ dataset: Dataset) throws -> Dataset {
        func name(_ label: String, _ example: Example) throws -> String {
            if let number = Int(label), let name = names[number] { return name }
            if known.contains(label) { return label }
            let last = names.keys.max() ?? 0
            throw DataError(
                file: dataset.file, line: example.line,
                problem: "label \(quoted(label)) has no name in \(oneLine(file))",
                advice:
                    "it names \(names.count) labels, the last of them \(last): add the name, or correct the label"
            )
        }
        let examples = try dataset.examples.map { example in
            let label: RawLabel?
            switch example.label {
            case .list(let labels)?: label = .list(try labels.map { try name($0, example) })
            case .text?, .number?:
                label = try example.label.map { .text(try name($0.className, example)) }
            case .answers?, nil: label = example.label
            }
            return example.labelled(label)
        }
        return Dataset(
            examples: examples, file: dataset.file, warnings: dataset.warnings, columns: dataset.columns)
    }
}

extension Dataset {
    /// Tags that are numbers although spans have names: what HF's data sets hold where their names are left out.
    package var numberedTags: DataFinding? {
        var (lowest, highest) = (Int.max, 0)
        for example in examples {
            guard example.words != nil, case .list(let tags)? = example.label else { return nil }
            for tag in tags {
                guard let number = Int(tag), number >= 0 else { return nil }
                (lowest, highest) = (min(lowest, number), max(highest, number))
            }
        }
        guard lowest <= highest else { return nil }
        return DataFinding(
            .note, file: file,
            text:
                "\(file): the tags are numbers from \(lowest) to \(highest), so that nobody knows which make spans: "
                + "only accuracy is measured; give their names with \(SettingName.labelNames) FILE")
    }
}

/// Without ASCII spaces and carriage returns around it.
func trimmedOfSpaces(_ text: String) -> String {
    let isSpace = { (byte: UInt8) in byte == 0x20 || byte == 0x0D || byte == 0x09 }
    let start = text.utf8.drop(while: isSpace)
    return String(decoding: start.reversed().drop(while: isSpace).reversed(), as: UTF8.self)
}

extension SourceText {
    /// A small text file that goes with rows.
    init(ofSettings url: URL) throws {
        let name = url.relativePath
        do {
            try self.init(FileBytes.read(url, byteLimit: 16 << 20), name: name)
        } catch let error as ModelFileError {
            throw DataError(
                kind: error.kind == .missing ? .missing : .unreadable, file: name, problem: error.problem,
                advice: error.advice)
        }
    }

    /// The file as JSON if it looks like it.
    func json() throws -> JSONValue? {
        let first = bytes.first { $0 != 0x20 && $0 != 0x09 && $0 != 0x0A && $0 != 0x0D }
        guard first == UInt8(ascii: "{") || first == UInt8(ascii: "[") else { return nil }
        do {
            return try JSONValue.parse(bytes)
        } catch let error as JSONError {
            throw DataError(
                file: name, line: error.line, problem: "broken JSON: \(error.problem)", advice: "correct it")
        }
    }

    /// Without blank ones at the end.
    func allLines() -> [String] {
        var lines: [String] = []
        var position = 0
        while let range = line(from: position) {
            lines.append(text(range))
            position = range.upperBound + 1
        }
        while lines.last?.allSatisfy(\.isWhitespace) == true { lines.removeLast() }
        return lines
    }
}
