import Foundation
import ModelFiles
import Testing

/// One way to start `train` wrongly.
struct BadInput: Sendable, CustomTestStringConvertible {
    let name: String
    /// By sysexits.h: 64 usage, 65 bad data, 66 missing input, 74 input or output failed.
    let status: Int32
    /// Words the message must contain: where it is, and what would be right.
    let mentions: [String]
    let arguments: [String]
    let prepare: @Sendable (Workspace) throws -> Void

    var testDescription: String { name }

    init(
        _ name: String, _ status: Int32, _ mentions: [String], options: [String] = [],
        train: String = "train.jsonl", validation: String? = "validation.jsonl",
        prepare: @escaping @Sendable (Workspace) throws -> Void = { _ in }
    ) {
        self.name = name
        self.status = status
        self.mentions = mentions
        arguments = Workspace.training(train: train, validation: validation, ["--budget", "12"] + options)
        self.prepare = prepare
    }

    static let all = files + data + tasks + settings + models

    private static func task(
        _ name: String, status: Int32 = 65, _ mentions: [String], _ task: String, _ train: String,
        options: [String] = [], validation: String? = nil
    ) -> BadInput {
        BadInput(
            name, status, mentions, options: ["--task", task] + options, train: "bad.jsonl",
            validation: validation == nil ? nil : "other.jsonl"
        ) {
            try $0.write(train, to: "bad.jsonl")
            if let validation { try $0.write(validation, to: "other.jsonl") }
        }
    }

    private static let tags = #"{"tokens": ["the", "film"], "labels": ["O", "B-X"]}"# + "\n"

    private static let tasks: [BadInput] = [
        task(
            "one label in place of several", ["bad.jsonl:1:", "not an array"], "multi-label",
            #"{"text": "a", "labels": "x"}"#),
        task(
            "empty sets alone", ["bad.jsonl", "all labels are the same"], "multi-label",
            #"{"text": "a", "labels": []}"#),
        task(
            "unknown label in a set", ["other.jsonl:1:", "unknown label 'z'"], "multi-label",
            #"{"text": "a", "labels": ["x", "y"]}"#, validation: #"{"text": "b", "labels": ["z"]}"#),
        task(
            "more words than tags", ["bad.jsonl:1:", "2 words with 1 labels"], "token-classification",
            #"{"tokens": ["a", "b"], "labels": ["O"]}"#),
        task(
            "unknown tag", ["other.jsonl:1:", "unknown label 'B-Y'"], "token-classification", tags,
            validation: #"{"tokens": ["b"], "labels": ["B-Y"]}"#),
        task(
            "no word with a token", ["bad.jsonl:2:", "no word of the row has a token"],
            "token-classification", tags + #"{"tokens": ["\u0001"], "labels": ["O"]}"#),
        task(
            "too long a sentence", ["bad.jsonl:2:", "--long-rows truncate"], "token-classification",
            tags + #"{"tokens": ["abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz"], "labels": ["O"]}"#,
            options: ["--long-rows", "error", "--max-length", "12"]),
        task(
            "span metric without spans", status: 64, ["--best-metric f1", "accuracy or loss"],
            "token-classification",
            #"{"tokens": ["a", "b"], "labels": ["NN", "VB"]}"#, options: ["--best-metric", "f1"],
            validation: #"{"tokens": ["b"], "labels": ["VB"]}"#),
        task(
            "answer elsewhere", ["bad.jsonl:1:", "'film' does not stand at character 3"],
            "question-answering",
            #"{"question": "q", "context": "the film", "answers": {"text": ["film"], "answer_start": [3]}}"#),
        task(
            "stride as long as the window", status: 64, ["stride", "share 31"], "question-answering", "x",
            options: ["--stride", "31"]),
        task(
            "stride without room", status: 64, ["stride 1 ", "max-length 4"], "question-answering",
            #"{"question": "q", "context": "c", "answers": []}"#,
            options: ["--stride", "1", "--max-length", "4"]),
    ]

    private static let files: [BadInput] = [
        BadInput("missing model", 66, ["nowhere"], options: ["--model", "nowhere"]),
        BadInput("model without weights", 66, ["model.safetensors"]) {
            try FileManager.default.removeItem(at: $0.file("model/model.safetensors"))
        },
        BadInput("model without configuration", 66, ["config.json"]) {
            try FileManager.default.removeItem(at: $0.file("model/config.json"))
        },
        BadInput("model without vocabulary", 66, ["vocab.txt"]) {
            try FileManager.default.removeItem(at: $0.file("model/vocab.txt"))
        },
        BadInput("missing training file", 66, ["nowhere.jsonl"], train: "nowhere.jsonl"),
        BadInput("missing validation file", 66, ["nowhere.jsonl"], validation: "nowhere.jsonl"),
        BadInput("missing settings file", 66, ["nowhere.yaml"], options: ["--config", "nowhere.yaml"]),
        BadInput("output on a device", 74, ["/dev/full/x"], options: ["--output", "/dev/full/x"]),
    ]

    private static let data: [BadInput] = [
        BadInput("empty training file", 65, ["bad.jsonl"], train: "bad.jsonl") {
            try $0.write("", to: "bad.jsonl")
        },
        BadInput("only blank lines", 65, ["bad.jsonl"], train: "bad.jsonl") {
            try $0.write("\n\n  \n", to: "bad.jsonl")
        },
        BadInput("header without rows", 65, ["bad.csv"], train: "bad.csv") {
            try $0.write("text,label\n", to: "bad.csv")
        },
        BadInput("one class", 65, ["bad.jsonl", "neutral"], train: "bad.jsonl") {
            try $0.write(
                "{\"text\": \"a\", \"label\": \"neutral\"}\n{\"text\": \"b\", \"label\": \"neutral\"}\n",
                to: "bad.jsonl")
        },
        BadInput("broken JSON", 65, ["bad.jsonl:3:"], train: "bad.jsonl") {
            var lines = try $0.text("train.jsonl").components(separatedBy: "\n")
            lines[2] = String(lines[2].dropLast(4))
            try $0.write(lines.joined(separator: "\n"), to: "bad.jsonl")
        },
        BadInput("row without a label", 65, ["bad.jsonl:61:", "label"], train: "bad.jsonl") {
            try $0.write($0.text("train.jsonl") + "{\"text\": \"a\"}\n", to: "bad.jsonl")
        },
        BadInput("bytes that are no UTF-8", 65, ["bad.jsonl"], train: "bad.jsonl") {
            try Data(try $0.bytes("train.jsonl") + [0xFF, 0xFE, 0x0A]).write(to: $0.file("bad.jsonl"))
        },
        BadInput("row with too many fields", 65, ["bad.csv:3:"], train: "bad.csv") {
            try $0.write("text,label\na,x\nb,y,z\n", to: "bad.csv")
        },
        BadInput("unclosed quote", 65, ["bad.csv"], train: "bad.csv") {
            try $0.write("text,label\n\"a,x\nb,y\n", to: "bad.csv")
        },
        BadInput("unknown label in validation", 65, ["bad.jsonl", "unheard"], validation: "bad.jsonl") {
            try $0.write("{\"text\": \"a\", \"label\": \"unheard\"}\n", to: "bad.jsonl")
        },
        BadInput(
            "score beyond Float32", 65, ["bad.jsonl:1:"], options: ["--task", "regression"],
            train: "bad.jsonl",
            validation: nil
        ) {
            try $0.write(
                "{\"text\": \"a\", \"label\": 1e300}\n{\"text\": \"b\", \"label\": 1}\n", to: "bad.jsonl")
        },
        BadInput("words for scores", 65, ["train.jsonl", "negative"], options: ["--task", "regression"]),
        BadInput(
            "unknown column", 65, ["train.jsonl", "nowhere", "text"], options: ["--text-column", "nowhere"]),
    ]

    private static let settings: [BadInput] = [
        BadInput(
            "budget above the start", 64, ["50", "24"], options: ["--budget", "50", "--initial-rank", "2"]),
        BadInput("budget of 0", 64, ["--budget"], options: ["--budget", "0"]),
        BadInput(
            "budget and average rank", 64, ["budget", "average-rank"], options: ["--average-rank", "2"]),
        BadInput(
            "fractional fixed rank", 64, ["13", "12"], options: ["--method", "lora", "--budget", "13"]),
        BadInput(
            "unknown target", 64, ["--targets", "nonsense", "query"], options: ["--targets", "nonsense"]),
        BadInput("too many positions", 64, ["1000", "40"], options: ["--max-length", "1000"]),
        BadInput("rank above a matrix", 64, ["32"], options: ["--initial-rank", "1000"]),
        BadInput("steps as a word", 64, ["--steps", "many"], options: ["--steps", "many"]),
        BadInput("steps and epochs", 64, ["steps", "epochs"], options: ["--epochs", "2"]),
        BadInput(
            "rate that is no number", 64, ["--learning-rate", "nan"], options: ["--learning-rate", "nan"]),
        BadInput("negative rate", 64, ["--learning-rate", "-1"], options: ["--learning-rate=-1"]),
        BadInput("no thread", 64, ["--threads"], options: ["--threads", "0"]),
        BadInput(
            "phases longer than the run", 64, ["fraction"],
            options: ["--warmup-fraction", "0.7", "--final-fraction", "0.6"]),
        BadInput("unknown method", 64, ["--method", "lora"], options: ["--method", "lorra"]),
        BadInput(
            "unknown setting", 64, ["bad.yaml", "learning-rat", "learning-rate"],
            options: ["--config", "bad.yaml"]
        ) {
            try $0.write("learning-rat: 0.1\n", to: "bad.yaml")
        },
        BadInput("broken settings file", 64, ["bad.yaml:", "YAML"], options: ["--config", "bad.yaml"]) {
            try $0.write("seed: 1\ntargets: [query\n", to: "bad.yaml")
        },
        BadInput("setting given twice", 64, ["bad.yaml", "seed"], options: ["--config", "bad.yaml"]) {
            try $0.write("seed: 1\nseed: 2\n", to: "bad.yaml")
        },
    ]

    private static let weight = "encoder.layer.1.attention.self.value.weight"

    private static func edit(
        _ workspace: Workspace, _ change: (TensorInfo, [UInt8]) -> TensorToWrite?
    ) throws {
        var found = 0
        try workspace.editWeights { info, bytes in
            if info.name.hasSuffix(weight) {
                found += 1
                return change(info, bytes)
            }
            return TensorToWrite(
                name: info.name, elementType: info.elementType, shape: info.shape, bytes: bytes)
        }
        guard found == 1 else { throw CommandFailure(description: "\(found) tensors end with \(weight)") }
    }

    private static let models: [BadInput] = [
        BadInput("missing weight", 65, [weight]) { try edit($0) { _, _ in nil } },
        BadInput("wrong shape", 65, [weight]) {
            try edit($0) { info, bytes in
                TensorToWrite(name: info.name, elementType: info.elementType, shape: [16, 64], bytes: bytes)
            }
        },
        BadInput("weight that is no number", 65, [weight]) {
            try edit($0) { info, bytes in
                let nan = withUnsafeBytes(of: Float.nan.bitPattern.littleEndian) { Array($0) }
                return TensorToWrite(
                    name: info.name, elementType: info.elementType, shape: info.shape,
                    bytes: nan + bytes.dropFirst(4))
            }
        },
        BadInput("weights of integers", 65, [weight]) {
            try edit($0) { info, bytes in
                TensorToWrite(name: info.name, elementType: .int32, shape: info.shape, bytes: bytes)
            }
        },
        BadInput("cut weights", 65, ["model.safetensors"]) {
            try $0.bytes("model/model.safetensors").dropLast(64).write(to: $0.file("model/model.safetensors"))
        },
        BadInput("empty weights", 65, ["model.safetensors"]) {
            try $0.write("", to: "model/model.safetensors")
        },
        BadInput("more tokens than the embedding", 65, ["102", "101"]) {
            try $0.write($0.text("model/vocab.txt") + "more\n", to: "model/vocab.txt")
        },
        BadInput("vocabulary without [UNK]", 65, ["[UNK]"]) {
            try $0.write(
                $0.text("model/vocab.txt").replacingOccurrences(of: "[UNK]", with: "unk"),
                to: "model/vocab.txt")
        },
        BadInput("another architecture", 65, ["config.json", "mamba2"]) {
            let text = try $0.text("model/config.json").replacingOccurrences(
                of: "\"model_type\": \"bert\"", with: "\"model_type\": \"mamba2\"")
            try $0.write(text, to: "model/config.json")
        },
        BadInput("configuration of other sizes", 65, ["[48"]) {
            let text = try $0.text("model/config.json").replacingOccurrences(
                of: "\"intermediate_size\": 64", with: "\"intermediate_size\": 48")
            try $0.write(text, to: "model/config.json")
        },
        BadInput("broken configuration", 65, ["config.json"]) {
            try $0.write("{\"model_type\": ", to: "model/config.json")
        },
    ]
}
