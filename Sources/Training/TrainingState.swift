import Adapters
import Autodiff
import Foundation
import Matrices
import ModelFiles
import RankAllocation

/// Where a run stands, apart from the tensors.
struct Progress: Sendable, Equatable {
    var step = 0
    var tokens = 0
    var seconds = 0.0
    var bestStep: Int?
    var bestValue: Double?
    var evaluationsWithoutImprovement = 0
    var isCompacted = false
    /// The evaluation after `step` was not finished.
    var isEvaluationDue = false
}

/// A checkpoint: everything that decides how training goes on. `state.json` holds numbers and fingerprints,
/// `state.safetensors` the flat parameter vector, Adam's moments and the importance averages, layouts as in
/// memory (per site P [O, R], Λ [R], Q [R, I]; then the head). `manifest.json` tells whether both are as they were written.
///
/// Random numbers, schedules and the position in the data follow from the configuration and the step.
struct Checkpoint {
    let progress: Progress
    let offsets: EventLog.Offsets
    /// The run's settings, as in its `config.yaml`.
    let configuration: String
    /// Hashes of what a resumed run must find unchanged, by name.
    let fingerprints: [(name: String, hash: String)]
    /// Per site: which triplets are physically there.
    let triplets: [TripletBook]
    let masks: [[Bool]]
    let values: [Float]
    let firstMoments: [Float]
    let secondMoments: [Float]
    let sensitivity: [Float]
    let uncertainty: [Float]

    private static let format = 3

    func write(to folder: URL) throws {
        try AtomicFile.replaceFolder(folder) { target in
            try SafetensorsWriter.write(
                [
                    TensorToWrite(name: "values", shape: [values.count], values: values),
                    TensorToWrite(name: "adam.first", shape: [firstMoments.count], values: firstMoments),
                    TensorToWrite(name: "adam.second", shape: [secondMoments.count], values: secondMoments),
                    TensorToWrite(
                        name: "importance.sensitivity", shape: [sensitivity.count], values: sensitivity),
                    TensorToWrite(
                        name: "importance.uncertainty", shape: [uncertainty.count], values: uncertainty),
                ], metadata: [:], to: target.appendingPathComponent("state.safetensors"))
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
            "isCompacted": .bool(progress.isCompacted), "isEvaluationDue": .bool(progress.isEvaluationDue),
            "configuration": .string(configuration), "eventOffset": JSONValue(offsets.events),
            "rankOffset": JSONValue(offsets.ranks), "fingerprints": .object(prints),
            "tripletOffset": JSONValue(offsets.triplets),
            "triplets": .array(
                triplets.map {
                    .object([
                        "originalIndices": .array($0.originalIndices.map { JSONValue($0) }),
                        "births": .array($0.births.map { JSONValue($0) }), "issued": JSONValue($0.issued),
                        "initialRank": JSONValue($0.initialRank),
                    ])
                }),
            "masks": .array(masks.map { .array($0.map { .bool($0) }) }),
        ]
    }

    static func read(_ folder: URL) throws -> Checkpoint {
        try FolderManifest.check(folder, advice: "resume from another checkpoint of this run")
        let file = folder.appendingPathComponent("state.json")
        let json = try JSONValue.read(file)
        func need<Value>(_ key: String, _ get: (JSONValue) -> Value?) throws -> Value {
            guard let value = json[key].flatMap(get) else {
                throw ModelFileError(
                    file: file.path, place: key, problem: "missing or of the wrong type",
                    advice: "resume from another checkpoint of this run")
            }
            return value
        }
        guard try need("format", \.int) == format else {
            throw ModelFileError(
                file: file.path, place: "format", problem: "written by another version of adalora",
                advice: "resume with the version that wrote it")
        }
        let store = try TensorStore(file: folder.appendingPathComponent("state.safetensors"))
        func floats(_ name: String) throws -> [Float] {
            let count = store.info(name)?.elementCount ?? 0
            var values = [Float](repeating: 0, count: count)
            try values.withUnsafeMutableBufferPointer { try store.copyFloat32(name, into: $0) }
            return values
        }
        let progress = Progress(
            step: try need("step", \.int), tokens: try need("tokens", \.int),
            seconds: try need("seconds", \.double),
            bestStep: json["bestStep"]?.int, bestValue: json["bestValue"]?.double,
            evaluationsWithoutImprovement: try need("evaluationsWithoutImprovement", \.int),
            isCompacted: try need("isCompacted", \.bool),
            isEvaluationDue: try need("isEvaluationDue", \.bool))
        return Checkpoint(
            progress: progress,
            offsets: EventLog.Offsets(
                events: try need("eventOffset", \.int), ranks: try need("rankOffset", \.int),
                triplets: try need("tripletOffset", \.int)),
            configuration: try need("configuration", \.string),
            fingerprints: try need("fingerprints", \.object).members.map { ($0.key, $0.value.string ?? "") },
            triplets: try need("triplets", \.array).map { site in
                guard let indices = site["originalIndices"]?.array?.compactMap(\.int),
                    let births = site["births"]?.array?.compactMap(\.int), let issued = site["issued"]?.int,
                    let initial = site["initialRank"]?.int,
                    let book = TripletBook(
                        initialRank: initial, originalIndices: indices, births: births, issued: issued)
                else {
                    throw ModelFileError(
                        file: file.path, place: "triplets", problem: "missing or of the wrong type",
                        advice: "resume from another checkpoint of this run")
                }
                return book
            },
            masks: try need("masks", \.array).map { ($0.array ?? []).compactMap(\.bool) },
            values: try floats("values"), firstMoments: try floats("adam.first"),
            secondMoments: try floats("adam.second"), sensitivity: try floats("importance.sensitivity"),
            uncertainty: try floats("importance.uncertainty"))
    }
}

/// FNV-1a over 64-bit words: tells an unchanged file from a changed one; no defence against intent.
public struct Fingerprint {
    private var hash: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func add(_ bytes: UnsafeRawBufferPointer) {
        let words = bytes.count / 8
        for word in 0..<words { mix(bytes.loadUnaligned(fromByteOffset: word * 8, as: UInt64.self)) }
        for index in (words * 8)..<bytes.count { mix(UInt64(bytes[index])) }
        mix(UInt64(bytes.count))
    }

    private mutating func mix(_ value: UInt64) {
        // The shift carries high bits down, which a multiplication alone never does.
        hash = (hash ^ value) &* 0x0000_0100_0000_01B3
        hash ^= hash >> 32
    }

    var text: String { String(hash, radix: 16) }

    public static func of(file: URL) throws -> String {
        let data = try Data(contentsOf: file, options: .mappedIfSafe)
        var fingerprint = Fingerprint()
        data.withUnsafeBytes { fingerprint.add($0) }
        return fingerprint.text
    }
}
