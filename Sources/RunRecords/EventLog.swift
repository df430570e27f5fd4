import Foundation
import ModelFiles

/// Writes a run's `events.jsonl` (the source of truth), `ranks.csv` and `triplets.jsonl`, and where there are prompts
/// `samples.jsonl`, all append-only.
package final class EventLog {
    private let events: AppendFile
    private let ranks: AppendFile
    private let triplets: AppendFile
    /// nil for a run without prompts.
    private let samples: AppendFile?
    private var sites: [RunRecord.Site] = []
    /// That have a budget of their own
    private var towers: [String] = []
    private var lastRankStep = -1
    private var lastTripletStep = -1

    /// Where each file ends.
    package struct Offsets: Sendable, Equatable {
        package let events: Int
        package let ranks: Int
        package let triplets: Int
        /// 0 without prompts
        package let samples: Int

        package init(events: Int, ranks: Int, triplets: Int, samples: Int = 0) {
            self.events = events
            self.ranks = ranks
            self.triplets = triplets
            self.samples = samples
        }
    }

    package var offsets: Offsets {
        Offsets(
            events: events.byteOffset, ranks: ranks.byteOffset, triplets: triplets.byteOffset,
            samples: samples?.byteOffset ?? 0)
    }

    /// A resumed run continues at the offsets its checkpoint holds: what was logged after it happens again.
    ///
    /// - Parameter hasSamples: whether the run has prompts.
    package init(_ folder: RunFolder, offsets: Offsets?, hasSamples: Bool = false) throws {
        events = try AppendFile(folder.events, truncatingTo: offsets?.events ?? 0)
        ranks = try AppendFile(folder.ranks, truncatingTo: offsets?.ranks ?? 0)
        triplets = try AppendFile(folder.triplets, truncatingTo: offsets?.triplets ?? 0)
        samples = hasSamples ? try AppendFile(folder.samples, truncatingTo: offsets?.samples ?? 0) : nil
        if offsets == nil { try ranks.append(RankFileReader.header + "\n") }
        lastRankStep = try Self.lastStep(folder.ranks, after: "")
        lastTripletStep = try Self.lastStep(folder.triplets, after: Self.tripletsStart)
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

    package func append(_ event: TrainingEvent) throws {
        if case .started(let start, _) = event {
            sites = start.sites
            towers = start.towerBudgets.map(\.tower)
        }
        if case .triplets(let snapshot) = event { return try append(snapshot) }
        try events.append(JSONValue.object(Self.json(event, towers: towers)).text() + "\n")
    }

    /// The ranks in force after `step`. A step is written once, though it may be an allocation and the last.
    package func appendRanks(_ values: [Int], step: Int) throws {
        if sites.isEmpty || step == lastRankStep { return }
        lastRankStep = step
        var rows = ""
        for (site, rank) in zip(sites, values) {
            rows += "\(step),\(site.name),\(site.layer),\(site.role),\(rank)\n"
        }
        try ranks.append(rows)
    }

    /// The answers of a step, a line each.
    package func append(_ answers: [SampleAnswers]) throws {
        if answers.isEmpty { return }
        guard let samples else { preconditionFailure("answers of a run without prompts") }
        try samples.append(answers.map { JSONValue.object($0.json).text() + "\n" }.joined())
    }

    private func append(_ snapshot: TripletHistory.Snapshot) throws {
        if sites.isEmpty || snapshot.step == lastTripletStep { return }
        lastTripletStep = snapshot.step
        try triplets.append(JSONValue.object(Self.json(snapshot)).text() + "\n")
    }

    /// A line of `triplets.jsonl`: for each site, in the order of the start record, which triplets are alive (`kept`, a
    /// character each), the singular values of ΔW, scores, the orthogonality error and the share of energy the last
    /// mask left. Five significant digits.
    private static func json(_ snapshot: TripletHistory.Snapshot) -> JSONObject {
        [
            "step": JSONValue(snapshot.step),
            "sites": .array(
                snapshot.sites.map { site in
                    .object([
                        "kept": .string(String(site.kept.map { $0 ? "1" : "0" })),
                        "values": .array(site.spectrum.values.map(rounded)),
                        "importance": .array(site.importance.map { $0.map(rounded) ?? .null }),
                        "error": site.orthogonalityError.map(rounded) ?? .null,
                        "energy": site.keptEnergy.map(rounded) ?? .null,
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

    package func sync() throws {
        try events.sync()
        try ranks.sync()
        try triplets.sync()
        try samples?.sync()
    }

    private static func optional(_ value: Double?) -> JSONValue {
        value.map { $0.isFinite ? .number($0) : .null } ?? .null
    }

    private static func integers(_ values: [Int]) -> JSONValue { .array(values.map { JSONValue($0) }) }

    /// - Parameter towers: that have a budget of their own, as the start record names them
    static func json(_ event: TrainingEvent, towers: [String] = []) -> JSONObject {
        switch event {
        case .started(let start, _): startJSON(start)
        case .step(let record): stepJSON(record)
        case .allocation(let record): allocationJSON(record, towers)
        case .compaction(let record):
            [
                "event": .string("compaction"), "step": JSONValue(record.step),
                "ranks": integers(record.ranks),
                "parametersBefore": JSONValue(record.parametersBefore),
                "parametersAfter": JSONValue(record.parametersAfter),
            ]
        case .triplets(let snapshot): json(snapshot)
        case .evaluation(let record): evaluationJSON(record)
        case .checkpoint(let record):
            [
                "event": .string("checkpoint"), "step": JSONValue(record.step),
                "folder": .string(record.folder),
            ]
        case .warning(let text): ["event": .string("warning"), "text": .string(text)]
        case .finished(let end): endJSON(end)
        }
    }

    private static func startJSON(_ start: RunRecord.Start) -> JSONObject {
        var json: JSONObject = [
            "event": .string("start"), "method": .string(start.method),
            "totalSteps": JSONValue(start.totalSteps),
            "stepsPerEpoch": JSONValue(start.stepsPerEpoch),
            "completedSteps": JSONValue(start.completedSteps),
            "trainExamples": JSONValue(start.trainExamples),
            "validationExamples": JSONValue(start.validationExamples),
            "labels": .array(start.labels.map { .string($0) }),
            "sites": .array(
                start.sites.map { site in
                    var json: JSONObject = [
                        "site": .string(site.name), "layer": JSONValue(site.layer),
                        "role": .string(site.role), "outputs": JSONValue(site.outputs),
                        "inputs": JSONValue(site.inputs),
                    ]
                    if let tower = site.tower { json["tower"] = .string(tower) }
                    if let trained = site.trained {
                        json["trained"] = .object([
                            "perRank": JSONValue(trained.perRank), "beside": JSONValue(trained.beside),
                        ])
                    }
                    return .object(json)
                }),
            "allocator": start.allocator.map { .string($0) } ?? .null,
            "budgetUnit": .string(start.budgetUnit.rawValue),
            "initialBudget": JSONValue(start.initialBudget), "finalBudget": JSONValue(start.finalBudget),
            "warmupSteps": JSONValue(start.warmupSteps), "finalSteps": JSONValue(start.finalSteps),
            "trainableParameters": JSONValue(start.trainableParameters),
            "frozenParameters": JSONValue(start.frozenParameters), "threads": JSONValue(start.threads),
            "kernel": .string(start.kernel), "precision": start.precision.map { .string($0) } ?? .null,
            "sharedPrefix": start.sharedPrefix.map { .number($0) } ?? .null,
            "date": start.date.map { .string($0) } ?? .null,
            "environment": object(start.environment),
            "hashes": object(start.hashes),
        ]
        if !start.towerBudgets.isEmpty {
            json["towerBudgets"] = towers(
                start.towerBudgets.map {
                    ($0.tower, ["initial": JSONValue($0.initial), "final": JSONValue($0.final)])
                })
        }
        if !start.parts.isEmpty {
            json["parts"] = .array(
                start.parts.map {
                    .object([
                        "kind": .string($0.kind), "summary": .string($0.summary),
                        "layer": $0.layer.map { JSONValue($0) } ?? .null,
                        "parameters": JSONValue($0.parameters),
                    ])
                })
        }
        return json
    }

    private static func towers(_ values: [(tower: String, value: JSONObject)]) -> JSONValue {
        var object = JSONObject()
        for entry in values { object[entry.tower] = .object(entry.value) }
        return .object(object)
    }

    private static func object(_ facts: [RunRecord.Fact]) -> JSONValue {
        var object = JSONObject()
        for fact in facts { object[fact.name] = .string(fact.value) }
        return .object(object)
    }

    private static func stepJSON(_ record: RunRecord.Step) -> JSONObject {
        [
            "event": .string("step"), "step": JSONValue(record.step), "epoch": .number(record.epoch),
            "phase": .string(record.phase), "loss": .number(record.loss),
            "orthogonality": .number(record.orthogonality), "gradientNorm": .number(record.gradientNorm),
            "learningRate": .number(record.learningRate), "budget": JSONValue(record.budget),
            "rank": JSONValue(record.rank), "tokens": JSONValue(record.tokens),
            "seconds": .number(record.seconds),
        ]
    }

    private static func allocationJSON(_ record: RunRecord.Allocation, _ towers: [String]) -> JSONObject {
        var json: JSONObject = [
            "event": .string("allocation"), "step": JSONValue(record.step),
            "budget": JSONValue(record.budget), "spent": JSONValue(record.spent),
            "ranks": integers(record.ranks), "threshold": optional(record.worstKept),
            "worstKept": optional(record.worstKept), "bestPruned": optional(record.bestPruned),
            "returned": JSONValue(record.returned), "left": JSONValue(record.left),
            "added": JSONValue(record.added),
        ]
        if !record.towers.isEmpty {
            json["towers"] = Self.towers(
                zip(towers, record.towers).map {
                    ($0, ["budget": JSONValue($1.budget), "spent": JSONValue($1.spent)])
                })
        }
        return json
    }

    private static func evaluationJSON(_ record: RunRecord.Evaluation) -> JSONObject {
        var metrics = JSONObject()
        for metric in record.metrics { metrics[metric.name] = metric.value.map { .number($0) } ?? .null }
        return [
            "event": .string("evaluation"), "step": JSONValue(record.step), "loss": .number(record.loss),
            "metrics": .object(metrics), "isBest": .bool(record.isBest), "seconds": .number(record.seconds),
        ]
    }

    private static func endJSON(_ end: RunRecord.End) -> JSONObject {
        [
            "event": .string("end"), "reason": .string(end.reason.rawValue), "step": JSONValue(end.step),
            "bestStep": end.bestStep.map { JSONValue($0) } ?? .null, "ranks": integers(end.ranks),
            "trainableParameters": JSONValue(end.trainableParameters), "tokens": JSONValue(end.tokens),
            "seconds": .number(end.seconds), "peakMemoryBytes": JSONValue(end.peakMemoryBytes),
        ]
    }
}
