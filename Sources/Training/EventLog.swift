import Adapters
import Foundation
import ModelFiles
import Transformers

/// Writes a run's `events.jsonl` (the source of truth), `ranks.csv` and `triplets.jsonl`, all append-only.
public final class EventLog {
    private let events: AppendFile
    private let ranks: AppendFile
    private let triplets: AppendFile
    private var sites: [SiteDescription] = []
    private var lastRankStep = -1
    private var lastTripletStep = -1

    /// Where each file ends.
    public struct Offsets: Sendable, Equatable {
        public let events: Int
        public let ranks: Int
        public let triplets: Int
    }

    public var offsets: Offsets {
        Offsets(events: events.byteOffset, ranks: ranks.byteOffset, triplets: triplets.byteOffset)
    }

    static let rankHeader = "step,site,layer,role,rank\n"

    /// A resumed run continues at the offsets its checkpoint holds: what was logged after it happens again.
    public init(folder: URL, offsets: Offsets?) throws {
        events = try AppendFile(
            folder.appendingPathComponent("events.jsonl"), truncatingTo: offsets?.events ?? 0)
        ranks = try AppendFile(folder.appendingPathComponent("ranks.csv"), truncatingTo: offsets?.ranks ?? 0)
        triplets = try AppendFile(
            folder.appendingPathComponent("triplets.jsonl"), truncatingTo: offsets?.triplets ?? 0)
        if offsets == nil { try ranks.append(Self.rankHeader) }
        lastRankStep = try Self.lastStep(folder.appendingPathComponent("ranks.csv"), after: "")
        lastTripletStep = try Self.lastStep(
            folder.appendingPathComponent("triplets.jsonl"), after: Self.tripletsStart)
    }

    /// The step that a file's last line tells, behind the text that such lines begin with; -1 where it tells none.
    private static func lastStep(_ file: URL, after start: String) throws -> Int {
        let data = try Data(contentsOf: file, options: .mappedIfSafe)
        let lineStart = data.dropLast().lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
        let line = data[lineStart...]
        guard line.starts(with: start.utf8) else { return -1 }
        let digits = line.dropFirst(start.utf8.count).prefix { (0x30...0x39).contains($0) }
        return Int(String(decoding: digits, as: UTF8.self)) ?? -1
    }

    private static let tripletsStart = "{\"step\":"

    public func append(_ event: TrainingEvent) throws {
        if case .started(let start) = event { sites = start.sites }
        if case .triplets(let step, let sites) = event { return try appendTriplets(sites, step: step) }
        try events.append(JSONValue.object(Self.json(event)).text() + "\n")
    }

    /// The ranks in force after `step`. A step is written once, though it may be an allocation and the last.
    public func appendRanks(_ values: [Int], step: Int) throws {
        if sites.isEmpty || step == lastRankStep { return }
        lastRankStep = step
        var rows = ""
        for (site, rank) in zip(sites, values) {
            rows += "\(step),\(site.site),\(site.site.layer),\(site.site.role.rawValue),\(rank)\n"
        }
        try ranks.append(rows)
    }

    private func appendTriplets(_ snapshots: [SiteSnapshot], step: Int) throws {
        if sites.isEmpty || step == lastTripletStep { return }
        lastTripletStep = step
        try triplets.append(JSONValue.object(Self.tripletsJSON(snapshots, step: step)).text() + "\n")
    }

    /// All triplets as they are after `step`, a line of `triplets.jsonl`: for each site, in the order of the start
    /// record, which triplets are alive (`kept`, a character each), the singular values of ΔW, scores, the
    /// orthogonality error and the share of energy the last mask left. Five significant digits.
    private static func tripletsJSON(_ sites: [SiteSnapshot], step: Int) -> JSONObject {
        [
            "step": JSONValue(step),
            "sites": .array(
                sites.map { site in
                    .object([
                        "kept": .string(String(site.kept.map { $0 ? "1" : "0" })),
                        "values": .array(site.spectrum.values.map { rounded(Double($0)) }),
                        "importance": .array(site.importance.map { rounded(Double($0)) }),
                        "error": site.spectrum.orthogonalityError.map(rounded) ?? .null,
                        "energy": site.energyKept.map(rounded) ?? .null,
                    ])
                }),
        ]
    }

    private static func rounded(_ value: Double) -> JSONValue {
        guard value.isFinite else { return .null }
        guard value != 0 else { return .number(0) }
        // Arithmetic, as a run writes many; dividing by a power of ten gives the shortest text, multiplying need not.
        let places = 4 - Int(log10(value.magnitude).rounded(.down))
        guard places.magnitude < 300 else { return .number(value) }
        let power = pow(10, Double(places.magnitude))
        return .number(places >= 0 ? (value * power).rounded() / power : (value / power).rounded() * power)
    }

    public func sync() throws {
        try events.sync()
        try ranks.sync()
        try triplets.sync()
    }

    private static func optional(_ value: Float?) -> JSONValue {
        value.map { $0.isFinite ? .number(Double($0)) : .null } ?? .null
    }

    private static func integers(_ values: [Int]) -> JSONValue { .array(values.map { JSONValue($0) }) }

    static func json(_ event: TrainingEvent) -> JSONObject {
        switch event {
        case .started(let start): startJSON(start)
        case .step(let record): stepJSON(record)
        case .allocation(let record):
            [
                "event": .string("allocation"), "step": JSONValue(record.step),
                "budget": JSONValue(record.budget), "spent": JSONValue(record.spent),
                "ranks": integers(record.ranks), "threshold": optional(record.threshold),
                "worstKept": optional(record.worstKept), "bestPruned": optional(record.bestPruned),
                "returned": JSONValue(record.returned), "left": JSONValue(record.left),
                "added": JSONValue(record.added),
            ]
        case .compaction(let record):
            [
                "event": .string("compaction"), "step": JSONValue(record.step),
                "ranks": integers(record.ranks),
                "parametersBefore": JSONValue(record.parametersBefore),
                "parametersAfter": JSONValue(record.parametersAfter),
            ]
        case .triplets(let step, let sites): tripletsJSON(sites, step: step)
        case .evaluation(let record): evaluationJSON(record)
        case .checkpoint(let step, let folder):
            ["event": .string("checkpoint"), "step": JSONValue(step), "folder": .string(folder)]
        case .warning(let text): ["event": .string("warning"), "text": .string(text)]
        case .finished(let end): endJSON(end)
        }
    }

    private static func startJSON(_ start: RunStart) -> JSONObject {
        [
            "event": .string("start"), "method": .string(start.method),
            "totalSteps": JSONValue(start.totalSteps),
            "stepsPerEpoch": JSONValue(start.stepsPerEpoch),
            "completedSteps": JSONValue(start.completedSteps),
            "trainExamples": JSONValue(start.trainExamples),
            "validationExamples": JSONValue(start.validationExamples),
            "labels": .array(start.labels.map { .string($0) }),
            "sites": .array(
                start.sites.map {
                    .object([
                        "site": .string("\($0.site)"), "layer": JSONValue($0.site.layer),
                        "role": .string($0.site.role.rawValue), "outputs": JSONValue($0.outputs),
                        "inputs": JSONValue($0.inputs),
                    ])
                }),
            "allocator": start.allocator.map { .string($0) } ?? .null,
            "budgetUnit": .string(start.budgetUnit.rawValue),
            "initialBudget": JSONValue(start.initialBudget), "finalBudget": JSONValue(start.finalBudget),
            "warmupSteps": JSONValue(start.warmupSteps), "finalSteps": JSONValue(start.finalSteps),
            "trainableParameters": JSONValue(start.trainableParameters),
            "frozenParameters": JSONValue(start.frozenParameters), "threads": JSONValue(start.threads),
            "kernel": .string(start.kernel), "date": .string(start.date),
            "environment": object(start.environment.map { ($0.name, $0.value) }),
            "hashes": object(start.hashes.map { ($0.name, $0.hash) }),
        ]
    }

    private static func object(_ texts: [(String, String)]) -> JSONValue {
        var object = JSONObject()
        for (name, text) in texts { object[name] = .string(text) }
        return .object(object)
    }

    private static func stepJSON(_ record: StepRecord) -> JSONObject {
        [
            "event": .string("step"), "step": JSONValue(record.step), "epoch": .number(record.epoch),
            "phase": .string(record.phase), "loss": .number(record.loss),
            "orthogonality": .number(record.orthogonality), "gradientNorm": .number(record.gradientNorm),
            "learningRate": .number(record.learningRate), "budget": JSONValue(record.budget),
            "rank": JSONValue(record.rank), "tokens": JSONValue(record.tokens),
            "seconds": .number(record.seconds),
        ]
    }

    private static func evaluationJSON(_ record: EvaluationRecord) -> JSONObject {
        var metrics = JSONObject()
        for metric in record.metrics { metrics[metric.name] = metric.value.map { .number($0) } ?? .null }
        return [
            "event": .string("evaluation"), "step": JSONValue(record.step), "loss": .number(record.loss),
            "metrics": .object(metrics), "isBest": .bool(record.isBest), "seconds": .number(record.seconds),
        ]
    }

    private static func endJSON(_ end: RunEnd) -> JSONObject {
        [
            "event": .string("end"), "reason": .string(end.reason.rawValue), "step": JSONValue(end.step),
            "bestStep": end.bestStep.map { JSONValue($0) } ?? .null, "ranks": integers(end.ranks),
            "trainableParameters": JSONValue(end.trainableParameters), "tokens": JSONValue(end.tokens),
            "seconds": .number(end.seconds), "peakMemoryBytes": JSONValue(end.peakMemoryBytes),
        ]
    }
}
