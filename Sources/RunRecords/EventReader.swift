import Foundation
import Messages
import ModelFiles

/// Reads `events.jsonl`.
package struct EventReader {
    let file: URL
    private(set) var starts: [RunRecord.Start] = []
    private(set) var steps: [RunRecord.Step] = []
    private(set) var allocations: [RunRecord.Allocation] = []
    private(set) var compactions: [RunRecord.Compaction] = []
    private(set) var evaluations: [RunRecord.Evaluation] = []
    private(set) var checkpoints: [RunRecord.Checkpoint] = []
    /// Each text once: a resumed run says again what its first start did.
    private(set) var warnings: [String] = []
    private var warned: Set<String> = []
    private(set) var end: RunRecord.End?
    private(set) var notes: [String] = []

    init(file: URL) { self.file = file }

    mutating func read() throws {
        guard let lines = try LineReader(file) else {
            throw RecordError(
                kind: .missing, place: file.deletingLastPathComponent().path,
                problem: "this is not a run folder: it has no events.jsonl",
                advice: "give the folder that 'adalora train' wrote")
        }
        var reader = self
        try lines.read { bytes, line, isTorn in
            do {
                try reader.add(EventLine(bytes, file: reader.file.path, line: line))
            } catch  where isTorn {
                reader.notes.append("events.jsonl: the last line (\(line)) is torn and was ignored")
            }
        }
        self = reader
    }

    /// Whether a record of the run's end stands behind the first `offset` bytes of an event log. Lines that are damaged
    /// or torn tell none.
    package static func tellsAnEnd(_ file: URL, from offset: Int) throws -> Bool {
        guard let lines = try LineReader(file, from: offset) else { return false }
        var isThere = false
        try lines.read { bytes, line, _ in
            guard let record = try? EventLine(bytes, file: file.path, line: line) else { return }
            if (try? record.text("event")) == "end" { isThere = true }
        }
        return isThere
    }

    /// What was read, with the rank tables that stand in another file.
    func record(folder: URL, start: RunRecord.Start, tables: [RunRecord.RankTable], notes: [String])
        -> RunRecord
    {
        RunRecord(
            folder: folder, start: start, resumedAfter: starts.dropFirst().map(\.completedSteps),
            steps: steps,
            allocations: allocations, compactions: compactions, evaluations: evaluations,
            checkpoints: checkpoints,
            warnings: warnings, end: end, rankTables: tables, notes: notes)
    }

    mutating func add(_ line: EventLine) throws {
        let event = try line.text("event")
        guard event == "start" || !starts.isEmpty else {
            throw line.error("a record of kind '\(event.prefix(40))' before any start record")
        }
        switch event {
        case "step": try addStep(line)
        case "start": try addStart(line)
        case "allocation": try addAllocation(line)
        case "compaction": try addCompaction(line)
        case "evaluation": try addEvaluation(line)
        case "checkpoint": checkpoints.append(.init(step: try line.step(), folder: try line.text("folder")))
        case "warning":
            let text = try line.text("text")
            if warned.insert(text).inserted { warnings.append(text) }
        case "end": try addEnd(line)
        default: throw line.error("unknown event '\(event.prefix(40))'")
        }
    }

    private mutating func addStart(_ line: EventLine) throws {
        let start = RunRecord.Start(
            method: try line.text("method"), totalSteps: try line.step("totalSteps"),
            stepsPerEpoch: try line.step("stepsPerEpoch"), completedSteps: try line.step("completedSteps"),
            trainExamples: try line.count("trainExamples"),
            validationExamples: try line.count("validationExamples"), labels: try line.texts("labels"),
            sites: try line.sites(), parts: try line.parts(), allocator: try line.textUnlessNull("allocator"),
            budgetUnit: try line.budgetUnit(),
            initialBudget: try line.count("initialBudget"),
            finalBudget: try line.count("finalBudget"), towerBudgets: try line.towerBudgets(),
            warmupSteps: try line.step("warmupSteps"),
            finalSteps: try line.step("finalSteps"),
            trainableParameters: try line.count("trainableParameters"),
            frozenParameters: try line.count("frozenParameters"), threads: try line.count("threads"),
            sharedPrefix: try line.numberIfPresent("sharedPrefix"), kernel: try line.text("kernel"),
            precision: try line.textIfPresent("precision"), date: try line.textIfPresent("date"),
            environment: try line.facts("environment"), hashes: try line.facts("hashes"))
        if let first = starts.first {
            guard first.sites.map(\.matrix) == start.sites.map(\.matrix), first.parts == start.parts,
                first.method == start.method
            else {
                throw line.error(
                    "a resumed run with another method or other sites than the first start record")
            }
            guard first.budgetUnit == start.budgetUnit else {
                throw line.error("a resumed run with another budget unit than the first start record")
            }
            guard first.towerBudgets.map(\.tower) == start.towerBudgets.map(\.tower) else {
                throw line.error("a resumed run with budgets of other towers than the first start record")
            }
            dropRecords(after: start.completedSteps)
        }
        starts.append(start)
        end = nil
    }

    /// What a killed run did after the checkpoint that its successor continues from is not part of the run.
    private mutating func dropRecords(after step: Int) {
        let before = steps.count
        steps.removeAll { $0.step > step }
        allocations.removeAll { $0.step > step }
        compactions.removeAll { $0.step > step }
        evaluations.removeAll { $0.step > step }
        checkpoints.removeAll { $0.step > step }
        let dropped = before - steps.count
        guard dropped > 0 else { return }
        notes.append(
            "events.jsonl: \(Figures.counted(dropped, "step")) after step \(step) "
                + "were trained again after a resume; the later records count")
    }

    private mutating func addStep(_ line: EventLine) throws {
        let step = RunRecord.Step(
            step: try line.step(), epoch: try line.number("epoch"), phase: try line.text("phase"),
            loss: try line.number("loss"), orthogonality: try line.number("orthogonality"),
            gradientNorm: try line.number("gradientNorm"), learningRate: try line.number("learningRate"),
            budget: try line.count("budget"), rank: try line.count("rank"), tokens: try line.count("tokens"),
            seconds: try line.number("seconds"))
        guard ["warmup", "budgeting", "final", "fixed"].contains(step.phase) else {
            throw line.error("unknown phase '\(step.phase.prefix(40))'")
        }
        try line.check(step.step, follows: steps.last?.step)
        steps.append(step)
    }

    private mutating func addAllocation(_ line: EventLine) throws {
        let step = try line.step()
        try line.check(step, follows: allocations.last?.step)
        let ranks = try ranks(line)
        allocations.append(
            .init(
                step: step, budget: try line.count("budget"),
                spent: try line.countIfPresent("spent") ?? cost(ranks),
                towers: try line.towerShares(starts.first), ranks: ranks,
                worstKept: try line.optionalNumber("worstKept"),
                bestPruned: try line.optionalNumber("bestPruned"), returned: try line.count("returned"),
                left: try line.count("left"), added: try line.countIfPresent("added") ?? 0))
    }

    /// In the run's budget unit.
    private func cost(_ ranks: [Int]) -> Int {
        guard let start = starts.first, start.budgetUnit == .parameters else { return ranks.reduce(0, +) }
        return zip(start.sites, ranks).reduce(0) { $0 + $1.0.tripletParameters * $1.1 }
    }

    private mutating func addCompaction(_ line: EventLine) throws {
        compactions.append(
            .init(
                step: try line.step(), ranks: try ranks(line),
                parametersBefore: try line.count("parametersBefore"),
                parametersAfter: try line.count("parametersAfter")))
    }

    private mutating func addEvaluation(_ line: EventLine) throws {
        evaluations.append(
            .init(
                step: try line.step(), loss: try line.number("loss"), metrics: try line.metrics(),
                isBest: try line.flag("isBest"), seconds: try line.number("seconds")))
    }

    private mutating func addEnd(_ line: EventLine) throws {
        let name = try line.text("reason")
        guard let reason = RunRecord.End.Reason(rawValue: name) else {
            throw line.error("unknown reason '\(name.prefix(40))'")
        }
        end = .init(
            reason: reason, step: try line.step(), bestStep: try line.optionalStep("bestStep"),
            ranks: try ranks(line), trainableParameters: try line.count("trainableParameters"),
            tokens: try line.count("tokens"), seconds: try line.number("seconds"),
            peakMemoryBytes: try line.count("peakMemoryBytes"))
    }

    private func ranks(_ line: EventLine) throws -> [Int] {
        let ranks = try line.ranks()
        let expected = starts.first?.sites.count ?? 0
        guard ranks.count == expected else {
            throw line.error("key 'ranks' has \(ranks.count) values, the run has \(expected) sites")
        }
        return ranks
    }
}
