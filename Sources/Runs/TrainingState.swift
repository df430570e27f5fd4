import Adapters
import Foundation
import Matrices
import ModelFiles
import RankAllocation
import RunRecords
import Training

/// Where a run stands, apart from the tensors.
struct Progress: Sendable, Equatable {
    var step = 0
    var tokens = 0
    var seconds = 0.0
    var bestStep: Int?
    var bestValue: Double?
    var evaluationsWithoutImprovement = 0
    /// The evaluation after `step` was not finished.
    var isEvaluationDue = false
    /// At the last evaluation every row got one answer, which was said.
    var hasOneAnswer = false
}

/// A checkpoint: everything that decides how training goes on. `state.json` holds numbers and fingerprints,
/// `state.safetensors` the flat parameter vector, Adam's moments and what the method keeps, layouts as in
/// memory (per site P [O, R], Λ [R], Q [R, I]; then the head). `manifest.json` tells whether both are as they were written.
///
/// Random numbers, schedules and the position in the data follow from the configuration and the step.
package struct Checkpoint {
    let progress: Progress
    let offsets: EventLog.Offsets
    /// The run's settings, as in its `config.yaml`.
    let configuration: String
    /// Hashes of what a resumed run must find unchanged, by name.
    let fingerprints: [(name: String, hash: String)]
    let trainer: TrainerState

    private static let format = 3

    func write(to folder: URL) throws {
        func tensor(_ name: String, _ values: SavedFloats) -> TensorToWrite {
            TensorToWrite(name: name, elementType: .float32, shape: [values.count]) { append in
                try values.forEachPiece { try append(UnsafeRawBufferPointer($0)) }
            }
        }
        try AtomicFile.replaceFolder(folder) { target in
            try SafetensorsWriter.write(
                [
                    tensor("values", trainer.values), tensor("adam.first", trainer.firstMoments),
                    tensor("adam.second", trainer.secondMoments),
                ] + trainer.method.tensors.map { tensor($0.name, $0.values) }, metadata: [:],
                to: target.appendingPathComponent("state.safetensors"))
            try AtomicFile.write(
                Data(JSONValue.object(json).bytes(pretty: true)),
                to: target.appendingPathComponent("state.json"))
            try FolderManifest.write(into: target)
        }
    }

    private var json: JSONObject {
        var prints = JSONObject()
        for entry in fingerprints { prints[entry.name] = .string(entry.hash) }
        return [
            "format": JSONValue(Self.format), "step": JSONValue(progress.step),
            "tokens": JSONValue(progress.tokens),
            "seconds": .number(progress.seconds),
            "bestStep": progress.bestStep.map { JSONValue($0) } ?? .null,
            "bestValue": progress.bestValue.map { .number($0) } ?? .null,
            "evaluationsWithoutImprovement": JSONValue(progress.evaluationsWithoutImprovement),
            "isCompacted": .bool(trainer.method.isCompacted),
            "isEvaluationDue": .bool(progress.isEvaluationDue),
            "hasOneAnswer": .bool(progress.hasOneAnswer),
            "configuration": .string(configuration), "eventOffset": JSONValue(offsets.events),
            "rankOffset": JSONValue(offsets.ranks), "fingerprints": .object(prints),
            "tripletOffset": JSONValue(offsets.triplets), "sampleOffset": JSONValue(offsets.samples),
            "triplets": .array(
                trainer.method.books.map {
                    .object([
                        "originalIndices": .array($0.originalIndices.map { JSONValue($0) }),
                        "births": .array($0.births.map { JSONValue($0) }), "issued": JSONValue($0.issued),
                        "initialRank": JSONValue($0.initialRank),
                    ])
                }),
            "masks": .array(trainer.method.masks.map { .array($0.map { .bool($0) }) }),
        ]
    }

    package static func read(_ folder: URL) throws -> Checkpoint {
        try FolderManifest.check(folder, advice: StateFile.advice)
        let file = StateFile(file: folder.appendingPathComponent("state.json"))
        let state = try file.read()
        guard try file.need("format", in: state, \.int) == format else {
            throw file.fault(
                "format", "written by another version of adalora", "resume with the version that wrote it")
        }
        let progress = Progress(
            step: try file.count("step", in: state), tokens: try file.count("tokens", in: state),
            seconds: try file.need("seconds", in: state, \.double),
            bestStep: try file.optional("bestStep", in: state, \.int),
            bestValue: try file.optional("bestValue", in: state, \.double),
            evaluationsWithoutImprovement: try file.count("evaluationsWithoutImprovement", in: state),
            isEvaluationDue: try file.need("isEvaluationDue", in: state, \.bool),
            hasOneAnswer: try file.optional("hasOneAnswer", in: state, \.bool) ?? false)
        let prints = try file.need("fingerprints", in: state, \.object).members
        let store = try TensorStore(file: folder.appendingPathComponent("state.safetensors"))
        return Checkpoint(
            progress: progress,
            offsets: EventLog.Offsets(
                events: try file.count("eventOffset", in: state),
                ranks: try file.count("rankOffset", in: state),
                triplets: try file.count("tripletOffset", in: state),
                samples: state["sampleOffset"] == nil ? 0 : try file.count("sampleOffset", in: state)),
            configuration: try file.need("configuration", in: state, \.string),
            fingerprints: try prints.map { name, value in
                guard let hash = value.string else { throw file.fault("fingerprints") }
                return (name, hash)
            },
            trainer: TrainerState(
                method: MethodState(
                    books: try file.need("triplets", in: state, \.array).map { try file.book($0) },
                    masks: try file.need("masks", in: state, \.array).map {
                        try file.list($0, in: "masks", \.bool)
                    }, isCompacted: try file.need("isCompacted", in: state, \.bool),
                    tensors: try store.tensors.map(\.name).filter { !usual.contains($0) }.map {
                        ($0, SavedFloats([try finite($0, in: store)]))
                    }),
                values: SavedFloats([try finite("values", in: store)]),
                firstMoments: SavedFloats([try finite("adam.first", in: store)]),
                secondMoments: SavedFloats([try finite("adam.second", in: store)])))
    }

    /// Every other tensor is the method's.
    private static let usual = ["values", "adam.first", "adam.second"]

    private static func finite(_ name: String, in store: TensorStore) throws -> [Float] {
        var values = [Float](repeating: 0, count: store.info(name)?.elementCount ?? 0)
        try values.withUnsafeMutableBufferPointer { try store.copyFloat32(name, into: $0) }
        guard values.allSatisfy(\.isFinite) else {
            throw ModelFileError(
                file: store.path, place: name, problem: "the tensor holds NaN or infinite values",
                advice: StateFile.advice)
        }
        return values
    }
}

/// `state.json`, with checked access.
private struct StateFile {
    let file: URL

    static let advice = "resume from another checkpoint of this run"
    /// Of steps, tokens and bytes; far above any run's, and far below what integers in JSON hold.
    private static let largestCount = 1 << 48

    func read() throws -> JSONValue { try JSONValue.read(file) }

    func fault(
        _ key: String, _ problem: String = "missing or of the wrong type", _ advice: String = Self.advice
    ) -> ModelFileError {
        ModelFileError(file: file.path, place: key, problem: problem, advice: advice)
    }

    func need<Value>(_ key: String, in json: JSONValue, _ get: (JSONValue) -> Value?) throws -> Value {
        guard let value = json[key].flatMap(get) else { throw fault(key) }
        return value
    }

    /// nil where the run has none yet.
    func optional<Value>(_ key: String, in json: JSONValue, _ get: (JSONValue) -> Value?) throws -> Value? {
        guard let value = json[key], !value.isNull else { return nil }
        return try need(key, in: json, get)
    }

    func count(_ key: String, in json: JSONValue) throws -> Int {
        let count = try need(key, in: json, \.int)
        guard 0...Self.largestCount ~= count else {
            throw fault(key, "\(count) is not from 0 to \(Self.largestCount)")
        }
        return count
    }

    func list<Value>(_ json: JSONValue?, in key: String, _ get: (JSONValue) -> Value?) throws -> [Value] {
        guard let list = json?.array else { throw fault(key) }
        return try list.map {
            guard let value = get($0) else { throw fault(key) }
            return value
        }
    }

    func book(_ site: JSONValue) throws -> TripletBook {
        let issued = try count("issued", in: site)
        guard
            let book = TripletBook(
                initialRank: try count("initialRank", in: site),
                originalIndices: try list(site["originalIndices"], in: "originalIndices", \.int),
                births: try list(site["births"], in: "births", \.int), issued: issued)
        else { throw fault("triplets", "numbers, births and how many were made contradict each other") }
        return book
    }
}
