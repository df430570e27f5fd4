import Foundation
import RunRecords

/// A run folder in the temporary directory, written line by line; removed when the last reference goes.
package final class RunFolderFixture {
    package let url: URL
    package var events: [String] = []
    package var ranks: [String] = ["step,site,layer,role,rank"]
    /// The lines of `triplets.jsonl`, which is not written when there are none.
    package var triplets: [String] = []
    /// The lines of `samples.jsonl`, likewise.
    package var samples: [String] = []

    package static let roles = ["query", "key", "value", "attention-output", "intermediate", "output"]
    private let sites: [(tower: String?, layer: Int, role: String)]

    /// - Parameter towers: as many layers in each
    package init(
        layers: Int = 2, roles: [String] = RunFolderFixture.roles, towers: [String?] = [nil]
    ) {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("reports-\(UUID().uuidString)")
        sites = towers.flatMap { tower in
            (0..<layers).flatMap { layer in roles.map { (tower, layer, $0) } }
        }
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    /// Twelve sites at rank 3, budget 36 to 9, 40 steps: warmup to 4, final after 24.
    package static func small(ended: Bool = true) -> RunFolderFixture {
        let run = RunFolderFixture()
        run.addStart()
        run.addRanks(0, [Int](repeating: 3, count: 12))
        for step in 1...40 {
            run.addStep(step, phase: step <= 4 ? "warmup" : step <= 24 ? "budgeting" : "final")
            switch step {
            case 8: run.addAllocation(8, budget: 27, [2, 2, 3, 3, 2, 3, 1, 2, 3, 2, 1, 3], left: 9)
            case 16:
                run.addAllocation(
                    16, budget: 15, [0, 1, 2, 2, 1, 2, 0, 1, 2, 1, 1, 2], returned: 1, left: 13)
            case 24:
                run.addAllocation(24, budget: 9, [0, 0, 2, 2, 0, 2, 0, 0, 1, 0, 0, 2], returned: 2, left: 8)
                run.events.append(
                    #"{"event":"compaction","step":24,"ranks":[0,0,2,2,0,2,0,0,1,0,0,2],"#
                        + #""parametersBefore":1200,"parametersAfter":330}"#)
            default: break
            }
        }
        run.addRanks(40, [0, 0, 2, 2, 0, 2, 0, 0, 1, 0, 0, 2])
        run.events.append(
            #"{"event":"evaluation","step":40,"loss":0.5,"metrics":{"accuracy":0.75,"matthews":null},"#
                + #""isBest":true,"seconds":0.25}"#)
        run.events.append(#"{"event":"checkpoint","step":40,"folder":"checkpoints/step-40"}"#)
        if ended { run.addEnd(40, ranks: [0, 0, 2, 2, 0, 2, 0, 0, 1, 0, 0, 2]) }
        return run
    }

    /// Two towers of two layers with four matrices each, all at rank 2, whose budgets fall from 16 to 4 and from 16 to 8.
    package static func towers(ended: Bool = true) -> RunFolderFixture {
        let run = RunFolderFixture(
            roles: ["query", "value", "intermediate", "output"], towers: ["text", "vision"])
        run.addStart(
            initialBudget: 32, finalBudget: 12,
            towerBudgets: #"{"text":{"initial":16,"final":4},"vision":{"initial":16,"final":8}}"#)
        run.addRanks(0, [Int](repeating: 2, count: 16))
        let last = [0, 1, 0, 0, 1, 2, 0, 0, 1, 1, 2, 0, 0, 2, 2, 0]
        for step in 1...40 {
            run.addStep(step, phase: step <= 4 ? "warmup" : step <= 24 ? "budgeting" : "final")
            if step == 12 {
                run.addAllocation(
                    12, budget: 22, [1, 2, 1, 0, 1, 2, 1, 1, 1, 2, 2, 1, 2, 2, 2, 1], left: 10, spent: 22,
                    towers: #"{"text":{"budget":9,"spent":9},"vision":{"budget":13,"spent":13}}"#)
            }
            if step == 24 {
                run.addAllocation(
                    24, budget: 12, last, left: 10, spent: 12,
                    towers: #"{"text":{"budget":4,"spent":4},"vision":{"budget":8,"spent":8}}"#)
            }
        }
        run.addRanks(40, last)
        run.events.append(
            #"{"event":"evaluation","step":40,"loss":0.5,"metrics":{"accuracy":0.75},"isBest":true,"seconds":0.25}"#
        )
        if ended { run.addEnd(40, ranks: last) }
        return run
    }

    package func addStart(
        method: String = "adalora", totalSteps: Int = 40, completedSteps: Int = 0, warmupSteps: Int = 4,
        finalSteps: Int = 16, initialBudget: Int = 36, finalBudget: Int = 9, unit: String? = nil,
        towerBudgets: String? = nil
    ) {
        let described = sites.map { site in
            let (outputs, inputs) =
                site.role == "intermediate" ? (32, 8) : site.role == "output" ? (8, 32) : (8, 8)
            return #"{"site":"\#(name(site))","#
                + (site.tower.map { #""tower":"\#($0)","# } ?? "")
                + #""layer":\#(site.layer),"role":"\#(site.role)","#
                + #""outputs":\#(outputs),"inputs":\#(inputs)}"#
        }
        events.append(
            #"{"event":"start","method":"\#(method)","totalSteps":\#(totalSteps),"stepsPerEpoch":20,"#
                + #""completedSteps":\#(completedSteps),"trainExamples":640,"validationExamples":64,"#
                + #""labels":["no","yes"],"sites":[\#(described.joined(separator: ","))],"#
                + (unit.map { #""budgetUnit":"\#($0)","# } ?? "")
                + (towerBudgets.map { #""towerBudgets":\#($0),"# } ?? "")
                + #""initialBudget":\#(initialBudget),"finalBudget":\#(finalBudget),"#
                + #""warmupSteps":\#(warmupSteps),"finalSteps":\#(finalSteps),"trainableParameters":1218,"#
                + #""frozenParameters":22700000,"threads":2,"kernel":"SkylakeX"}"#)
    }

    package func addStep(_ step: Int, phase: String = "budgeting", loss: String = "1.25") {
        events.append(
            #"{"event":"step","step":\#(step),"epoch":\#(Double(step) / 20),"phase":"\#(phase)","loss":\#(loss),"#
                + #""orthogonality":0.0125,"gradientNorm":0.75,"learningRate":0.001,"budget":36,"rank":36,"#
                + #""tokens":512,"seconds":0.125}"#)
    }

    /// The event and its rows of `ranks.csv`. Without `spent` and `added` as older runs wrote it.
    package func addAllocation(
        _ step: Int, budget: Int, _ ranks: [Int], returned: Int = 0, left: Int = 0, spent: Int? = nil,
        added: Int? = nil, towers: String? = nil
    ) {
        let newer = [("spent", spent), ("added", added)].compactMap { key, value in
            value.map { #","\#(key)":\#($0)"# }
        }
        events.append(
            #"{"event":"allocation","step":\#(step),"budget":\#(budget),"ranks":\#(ranks),"threshold":1.25e-9,"#
                + #""worstKept":1.25e-9,"bestPruned":1.2e-9,"returned":\#(returned),"left":\#(left)"#
                + newer.joined() + (towers.map { #","towers":\#($0)"# } ?? "") + "}")
        addRanks(step, ranks)
    }

    package func addRanks(_ step: Int, _ values: [Int]) {
        for (site, rank) in zip(sites, values) {
            ranks.append("\(step),\(name(site)),\(site.layer),\(site.role),\(rank)")
        }
    }

    /// One site of a record of `triplets.jsonl`, as JSON.
    package static func site(
        _ kept: String, _ values: String, importance: String = "", error: String = "0.001",
        energy: String = "1"
    ) -> String {
        #"{"kept":"\#(kept)","values":[\#(values)],"importance":[\#(importance)],"error":\#(error),"#
            + #""energy":\#(energy)}"#
    }

    package func addTriplets(_ step: Int, _ sites: [String]) {
        triplets.append(#"{"step":\#(step),"sites":[\#(sites.joined(separator: ","))]}"#)
    }

    package func addEnd(_ step: Int, ranks: [Int], reason: String = "completed") {
        events.append(
            #"{"event":"end","reason":"\#(reason)","step":\#(step),"bestStep":null,"ranks":\#(ranks),"#
                + #""trainableParameters":330,"tokens":20480,"seconds":5.5,"peakMemoryBytes":1048576}"#)
    }

    private func name(_ site: (tower: String?, layer: Int, role: String)) -> String {
        "\(site.tower.map { $0 + "." } ?? "")layer.\(site.layer).\(site.role)"
    }

    /// Writes the files and reads them back.
    package func record() throws -> RunRecord {
        try write()
        return try withExtendedLifetime(self) { try RunReader.record(of: url) }
    }

    /// Writes the files and reads the triplets back.
    package func tripletHistory(tail: String = "") throws -> TripletHistory {
        try write(tripletsTail: tail)
        return try withExtendedLifetime(self) { try RunReader.triplets(of: RunReader.record(of: url)) }
    }

    /// Writes the files; `tail`, `ranksTail` and `tripletsTail` follow the last whole line without a line end.
    @discardableResult
    package func write(
        tail: String = "", ranksTail: String = "", tripletsTail: String = "", withRanks: Bool = true
    ) throws -> RunFolderFixture {
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        let log = events.map { $0 + "\n" }.joined() + tail
        try Data(log.utf8).write(to: url.appendingPathComponent("events.jsonl"))
        let snapshots = triplets.map { $0 + "\n" }.joined() + tripletsTail
        if !snapshots.isEmpty {
            try Data(snapshots.utf8).write(to: url.appendingPathComponent("triplets.jsonl"))
        }
        if !samples.isEmpty {
            try Data(samples.map { $0 + "\n" }.joined().utf8).write(
                to: url.appendingPathComponent("samples.jsonl"))
        }
        guard withRanks else { return self }
        let table = ranks.map { $0 + "\n" }.joined() + ranksTail
        try Data(table.utf8).write(to: url.appendingPathComponent("ranks.csv"))
        return self
    }
}
