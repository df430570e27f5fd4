import Datasets
import Experiments
import Foundation
import Messages
import ModelFiles
import RunConfiguration
import Runs

/// What a check of data found, for a person or a machine.
enum DataCheckReport {
    /// Labels and rejected rows beyond this are counted, not listed.
    private static let mostLabels = 50

    static func text(_ check: DataCheck, _ config: RunConfig, width: Int) -> String {
        var parts = [files(check, config, width: width), columns(check, config)]
        parts.append(contentsOf: labels(check, width: width).map { [$0] } ?? [])
        let rejected = check.files.flatMap(\.rejected).map { "  \($0)" }
        if !rejected.isEmpty {
            parts.append((["rows that cannot be read"] + rejected).joined(separator: "\n"))
        }
        let lines = check.findings.map { ($0.isError ? "error: " : "warning: ") + $0.text }
        parts.append((lines + [summary(check)]).joined(separator: "\n"))
        return parts.joined(separator: "\n\n")
    }

    private static func summary(_ check: DataCheck) -> String {
        check.findings.isEmpty
            ? "nothing to warn of"
            : Figures.counted(check.errors.count, "error") + ", "
                + Figures.counted(check.warnings.count, "warning")
    }

    private static func files(_ check: DataCheck, _ config: RunConfig, width: Int) -> String {
        let hasLengths = check.files.contains { $0.lengths != nil }
        var columns: [(header: String, alignment: TextTable.Alignment)] = [
            ("", .left), ("rows", .right), ("rejected", .right),
        ]
        if hasLengths {
            columns += ["tokens: min", "median", "p95", "max", "over \(check.maxLength)"].map {
                ($0, TextTable.Alignment.right)
            }
        }
        let hasLearned = check.files.contains { $0.lengths?.learned != nil }
        if hasLearned { columns.append(("learned", .right)) }
        var table = TextTable(columns + [("file", .left)])
        for file in check.files {
            var cells = [
                file.role.rawValue, Figures.grouped(file.rows), Figures.grouped(file.rejected.count),
            ]
            if hasLengths {
                let lengths = file.lengths.map {
                    [$0.shortest, $0.median, $0.percentile95, $0.longest, $0.tooLong].map(Figures.grouped)
                }
                cells += lengths ?? Array(repeating: "–", count: 5)
            }
            if hasLearned { cells.append(file.lengths?.learned.map(Figures.grouped) ?? "–") }
            table.add(cells + [visibleName(file.name)])
        }
        let notes = check.files.compactMap { file in
            file.commonBeginnings.map { "\(file.role.rawValue): \(CommonBeginnings.note($0))" }
        }
        return (table.terminal(width: width) + notes).joined(separator: "\n")
    }

    private static func columns(_ check: DataCheck, _ config: RunConfig) -> String {
        let what =
            switch config.task.rowForm(labelSeparator: nil) {
            case .images: "image"
            case .captionedImages: "image and text"
            default: "text"
            }
        func list(_ names: [String], _ separator: String) -> String {
            names.map(visibleName).joined(separator: separator)
        }
        let lines = check.files.compactMap { file in
            file.columns.map { columns in
                "\(file.role.rawValue): \(what) \(list(columns.text, " + "))"
                    + (hasLabels(file) ? ", label \(columns.label ?? "none")" : "")
                    + (columns.unused.isEmpty ? "" : ", not read \(list(columns.unused, ", "))")
                    + (columns.delimiter.map { ", between columns: \($0.rawValue)" } ?? "")
            }
        }
        if !lines.isEmpty { return "columns\n" + lines.map { "  \($0)" }.joined(separator: "\n") }
        return check.files.contains { $0.labels != nil }
            ? "columns: the format has none" : "columns: no file could be read"
    }

    /// A row for each label in the order of the logits, a column for each file; nil where no file can be read.
    private static func labels(_ check: DataCheck, width: Int) -> String? {
        let files = check.files.filter { $0.labels != nil }
        guard !files.isEmpty else { return nil }
        var table = TextTable(
            [(files.contains(where: hasLabels) ? "label" : "what", .left)]
                + files.map { ($0.role.rawValue, TextTable.Alignment.right) })
        let counts = files.map { cells($0.labels) }
        // The training file's order first, then what only others have.
        var names: [String] = []
        for name in check.labelOrder + counts.flatMap({ $0.map(\.name) }) where !names.contains(name) {
            names.append(name)
        }
        for name in names.prefix(mostLabels) {
            table.add(
                [visibleName(name)] + counts.map { file in file.first { $0.name == name }?.value ?? "0" })
        }
        let more = names.count - mostLabels
        return (table.terminal(width: width) + (more > 0 ? ["\(more) more labels; --json has all"] : []))
            .joined(separator: "\n")
    }

    /// Conversations have none.
    private static func hasLabels(_ file: DataCheck.File) -> Bool {
        if case .parts = file.labels { false } else { true }
    }

    private static func cells(_ tally: LabelTally?) -> [(name: String, value: String)] {
        switch tally {
        case .classes(let classes): classes.map { ($0.name, Figures.grouped($0.count)) }
        case .parts(let parts): parts.map { ($0.name, Figures.grouped($0.count)) }
        case .answers(let answered, let unanswered):
            [("answered", Figures.grouped(answered)), ("without an answer", Figures.grouped(unanswered))]
        case .scores(let range):
            [
                ("scores", Figures.grouped(range.count)), ("lowest", Figures.plain(Double(range.lowest))),
                ("mean", Figures.fixed(range.mean, 4)), ("highest", Figures.plain(Double(range.highest))),
            ]
        case nil: []
        }
    }

    static func json(_ check: DataCheck, strict: Bool) -> String {
        let isFit = check.errors.isEmpty && !(strict && !check.warnings.isEmpty)
        return JSONValue.object([
            "fit": .bool(isFit), "errors": JSONValue(check.errors.count),
            "warnings": JSONValue(check.warnings.count),
            "labels": .array(check.labelOrder.map { .string($0) }),
            "files": .array(check.files.map(json)), "findings": .array(check.findings.map(json)),
        ]).text()
    }

    private static func json(_ file: DataCheck.File) -> JSONValue {
        var object: JSONObject = [
            "file": .string(file.name), "role": .string(file.role.rawValue), "rows": JSONValue(file.rows),
            "rejected": .array(
                file.rejected.map {
                    .object([
                        "line": $0.line.map { JSONValue($0) } ?? .null, "problem": .string($0.problem),
                    ])
                }),
        ]
        object["columns"] = file.columns.map { columns in
            .object([
                "text": .array(columns.text.map { .string($0) }),
                "label": columns.labels.isEmpty
                    ? .null
                    : columns.labels.count == 1
                        ? .string(columns.labels[0]) : .array(columns.labels.map { .string($0) }),
                "unused": .array(columns.unused.map { .string($0) }),
            ])
        }
        object["labels"] = file.labels.map(json)
        object["commonBeginnings"] = file.commonBeginnings.map { .number($0) }
        object["tokens"] = file.lengths.map { lengths in
            var tokens: JSONObject = [
                "min": JSONValue(lengths.shortest), "median": JSONValue(lengths.median),
                "p95": JSONValue(lengths.percentile95), "max": JSONValue(lengths.longest),
                "tooLong": JSONValue(lengths.tooLong),
            ]
            tokens["learned"] = lengths.learned.map { JSONValue($0) }
            return .object(tokens)
        }
        return .object(object)
    }

    private static func json(_ tally: LabelTally) -> JSONValue {
        switch tally {
        case .classes(let classes):
            var counts = JSONObject()
            for entry in classes { counts[entry.name] = JSONValue(entry.count) }
            return .object(counts)
        case .parts(let parts):
            var counts = JSONObject()
            for part in parts { counts[part.name] = JSONValue(part.count) }
            return .object(counts)
        case .answers(let answered, let unanswered):
            return .object(["answered": JSONValue(answered), "unanswered": JSONValue(unanswered)])
        case .scores(let range):
            return .object([
                "count": JSONValue(range.count), "min": .number(Double(range.lowest)),
                "mean": .number(range.mean), "max": .number(Double(range.highest)),
            ])
        }
    }

    private static func json(_ finding: DataFinding) -> JSONValue {
        .object([
            "kind": .string(finding.kind.rawValue),
            "severity": .string(finding.isError ? "error" : "warning"), "file": .string(finding.file),
            "count": finding.count.map { JSONValue($0) } ?? .null,
            "lines": .array(finding.lines.map { JSONValue($0) }), "text": .string(finding.text),
        ])
    }
}
