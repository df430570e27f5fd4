import Foundation
import ModelFiles

/// A temporary folder with the tiny BERT golden, a vocabulary for it, and small data files.
///
/// The model has 101 tokens, 40 positions, hidden size 32 and 2 layers: 12 adapted matrices.
final class Workspace: Sendable {
    static let labels = ["negative", "neutral", "positive"]
    private static let keywords = [
        "positive": ["good", "great", "happy"], "negative": ["bad", "awful", "poor"],
        "neutral": ["plain", "usual", "middle"],
    ]

    let url: URL
    let model: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("adalora-\(UUID().uuidString)")
            .resolvingSymlinksInPath()
        model = url.appendingPathComponent("model")
        try FileManager.default.createDirectory(at: model, withIntermediateDirectories: true)
        let golden = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Goldens/bert/model")
        for name in ["config.json", "model.safetensors"] {
            try Data(contentsOf: golden.appendingPathComponent(name)).write(
                to: model.appendingPathComponent(name))
        }
        try write(Self.vocabulary.joined(separator: "\n") + "\n", to: "model/vocab.txt")
        try write(Self.jsonLines(rows: 60, places: ["film", "book", "song"]), to: "train.jsonl")
        // Other words than in training, so that no row stands in both.
        try write(Self.jsonLines(rows: 30, places: ["meal", "show"]), to: "validation.jsonl")
        try write(Self.jsonLines(rows: 24, places: ["stall", "game"]), to: "test.jsonl")
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    /// As many tokens as the golden's embedding has rows.
    static var vocabulary: [String] {
        let letters = (UInt8(ascii: "a")...UInt8(ascii: "z")).map { String(UnicodeScalar($0)) }
        var tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + letters + letters.map { "##" + $0 }
        tokens += (0...9).map { "\($0)" } + ["the", "was", "very", "film", "book", "song", "meal", "show"]
        tokens += keywords.values.flatMap { $0 }.sorted()
        return tokens + (tokens.count..<101).map { "word\($0)" }
    }

    /// Text and label of rows whose label one word decides.
    static func rows(_ count: Int, places: [String]) -> [(text: String, label: String)] {
        (0..<count).map { index in
            let label = labels[index % 3]
            let words = keywords[label] ?? []
            return (
                "the \(places[index / 3 % places.count]) was very \(words[index / 9 % 3]) \(index / 27)",
                label
            )
        }
    }

    static func jsonLines(rows count: Int, places: [String]) -> String {
        rows(count, places: places).map { "{\"text\": \"\($0.text)\", \"label\": \"\($0.label)\"}\n" }
            .joined()
    }

    func file(_ name: String) -> URL { url.appendingPathComponent(name) }

    func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: file(name).path) }

    func write(_ text: String, to name: String) throws { try Data(text.utf8).write(to: file(name)) }

    func bytes(_ name: String) throws -> Data { try Data(contentsOf: file(name)) }

    func text(_ name: String) throws -> String { String(decoding: try bytes(name), as: UTF8.self) }

    /// Paths of everything below a folder, sorted.
    func contents(of name: String) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: file(name).path).sorted()
    }

    func start(_ arguments: [String], pipe: Pipe? = nil) throws -> RunningCommand {
        try RunningCommand(arguments, pipe: pipe, in: url)
    }

    @discardableResult
    func run(_ arguments: [String], input: String = "") throws -> CommandResult {
        try RunningCommand(arguments, input: input, in: url).finish()
    }

    /// Runs the binary in a shell; `$0` is its path and `$1`… are the arguments.
    func shell(_ script: String, _ arguments: [String]) throws -> CommandResult {
        let shell = URL(fileURLWithPath: "/bin/sh")
        return try RunningCommand(
            ["-c", script, try Binary.locate().path] + arguments, executable: shell, in: url
        ).finish()
    }

    /// Arguments of a short run; of repeated options the last one counts.
    static func training(
        output: String = "run", steps: Int = 30, train: String = "train.jsonl",
        validation: String? = "validation.jsonl", _ more: [String] = []
    ) -> [String] {
        ["train", "--model", "model", "--train", train, "--output", output, "--steps", "\(steps)"]
            + ["--max-length", "32", "--batch-size", "8"] + (validation.map { ["--validation", $0] } ?? [])
            + more
    }

    func events(_ run: String) throws -> [JSONValue] {
        try text("\(run)/events.jsonl").split(separator: "\n").map { try JSONValue.parse(String($0)) }
    }

    /// Events of one kind.
    func events(_ run: String, _ kind: String) throws -> [JSONValue] {
        try events(run).filter { $0["event"]?.string == kind }
    }

    /// Sum of the ranks of each step in `ranks.csv`, in file order.
    func rankTotals(_ run: String) throws -> [(step: Int, total: Int)] {
        var totals: [(step: Int, total: Int)] = []
        for line in try text("\(run)/ranks.csv").split(separator: "\n").dropFirst() {
            let fields = line.split(separator: ",")
            guard fields.count == 5, let step = Int(fields[0]), let rank = Int(fields[4]) else {
                throw CommandFailure(description: "ranks.csv has the line \(line)")
            }
            if totals.last?.step == step {
                totals[totals.count - 1].total += rank
            } else {
                totals.append((step, rank))
            }
        }
        return totals
    }

    /// Writes the model's weights again, with some changed or left out (nil).
    func editWeights(_ change: (TensorInfo, [UInt8]) -> TensorToWrite?) throws {
        try editTensors(model.appendingPathComponent("model.safetensors"), change)
    }

    /// Writes a file of tensors again, with some changed or left out (nil).
    func editTensors(_ file: URL, _ change: (TensorInfo, [UInt8]) -> TensorToWrite?) throws {
        let store = try TensorStore(file: file)
        let tensors = try store.tensors.compactMap { change($0, try store.bytes($0.name)) }
        let metadata = store.metadata
        try SafetensorsWriter.write(tensors, metadata: metadata, to: file)
    }
}

extension JSONValue {
    /// An event without what differs from run to run.
    func without(_ names: Set<String>) -> JSONValue {
        guard let object else { return self }
        var kept = JSONObject()
        for member in object.members where !names.contains(member.key) { kept[member.key] = member.value }
        return .object(kept)
    }
}
