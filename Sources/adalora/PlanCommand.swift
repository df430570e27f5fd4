import ArgumentParser
import Experiments
import Foundation
import Messages
import ModelFiles
import RunConfiguration
import Runs
import Training

struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Say what a run would train, how much memory it needs and how long it takes.",
        discussion: """
            Takes the options of train, reads the same files and makes the same checks; nothing is written. The time \
            comes from a dozen steps of the run itself, so do not run anything beside it. The memory is what the set-up \
            run has by now and what its largest shard, its gradients, packed weights and checkpoints add.
            """)

    @OptionGroup var settings: TrainFlags
    @Option(help: "Estimate a step of 1, 2, 4 … up to so many processes that train together (mpirun).")
    var processes: Int?
    @Option(
        help: "What lies between them: 1Gb, 10Gb, 25Gb or 100Gb Ethernet (default: they are on one machine).")
    var network: String?
    @Flag(help: "Print JSON instead of text.") var json = false

    func validate() throws {
        if let processes, !(1...4_096).contains(processes) {
            throw ValidationError("--processes must be 1 to 4096, not \(processes)")
        }
        if let network {
            guard ProcessEstimate.Network.known.contains(where: { $0.name == network }) else {
                let names = ProcessEstimate.Network.known.map(\.name)
                throw ValidationError(
                    "--network must be \(names.joined(separator: ", ")), not \(Messages.quoted(network))")
            }
            if processes == nil { throw ValidationError("--network goes with --processes N") }
        }
    }

    private var line: ProcessEstimate.Network {
        ProcessEstimate.Network.known.first { $0.name == network } ?? .memory
    }

    func run() throws {
        try Failure.run {
            let loaded = try settings.load(writes: false)
            for warning in loaded.warnings { Terminal.error("warning: \(warning)") }
            try ProductCheck.run()
            let plan = try RunPlan.measure(loaded.config)
            for note in plan.notes { Terminal.error(note) }
            for warning in plan.warnings { Terminal.error("warning: \(warning)") }
            let estimates = ProcessReport.counts(processes).compactMap { plan.estimate(processes: $0, line) }
            if json {
                Terminal.output(PlanReport.json(plan, estimates, line))
                return
            }
            Terminal.output(PlanReport.text(plan, width: Terminal.width))
            if !estimates.isEmpty {
                Terminal.output("\n" + ProcessReport.text(estimates, line, width: Terminal.width))
            }
        }
    }
}

/// A plan for a person or a machine.
enum PlanReport {
    static func text(_ plan: RunPlan, width: Int) -> String {
        [parameters(plan, width: width), memory(plan, width: width), steps(plan) + "\n" + time(plan)].joined(
            separator: "\n\n")
    }

    private static func parameters(_ plan: RunPlan, width: Int) -> String {
        var table = TextTable([("parameters", .left), ("matrices", .right), ("count", .right)])
        table.add(["frozen", "", Figures.grouped(plan.frozenParameters)])
        table.add(["trainable", "", Figures.grouped(plan.trainableParameters)])
        for role in plan.roles {
            table.add([
                "  \(role.role)", role.matrices.map(Figures.grouped) ?? "", Figures.grouped(role.parameters),
            ])
        }
        if plan.config.tuning.method.trainsBackbone {
            let backbone = plan.trainableParameters - plan.headParameters
            table.add(["  model", "", Figures.grouped(backbone)])
        }
        table.add(["  head", "", Figures.grouped(plan.headParameters)])
        return table.terminal(width: width).joined(separator: "\n")
    }

    private static func memory(_ plan: RunPlan, width: Int) -> String {
        var table = TextTable([("memory at the peak", .left), ("", .right)])
        for part in plan.memory.parts { table.add([part.name, Figures.bytes(part.bytes)]) }
        table.add(["in all", Figures.bytes(plan.memory.total)])
        table.add(["available", plan.memory.available.map(Figures.bytes) ?? "unknown"])
        return table.terminal(width: width).joined(separator: "\n")
    }

    private static func steps(_ plan: RunPlan) -> String {
        "steps        \(Figures.grouped(plan.totalSteps)), \(Figures.grouped(plan.stepsPerEpoch)) an epoch of "
            + "\(Figures.grouped(plan.tokensPerEpoch)) tokens, \(Figures.counted(plan.evaluations, "evaluation"))"
    }

    private static func time(_ plan: RunPlan) -> String {
        guard let time = plan.time else { return "time         not measured: the memory does not suffice" }
        var others: [String] = []
        if plan.evaluations > 0 {
            others.append("\(Figures.clockTime(time.evaluationSeconds)) of it evaluations")
        }
        if time.answerSeconds > 0 {
            others.append("at most \(Figures.clockTime(time.answerSeconds)) answers to --samples")
        }
        if time.forgettingSeconds > 0 {
            others.append("\(Figures.clockTime(time.forgettingSeconds)) the text of --forgetting")
        }
        return
            "time         about \(Figures.clockTime(time.totalSeconds)): "
            + "\(Figures.seconds(time.secondsPerStep)) s a step on \(plan.threads) "
            + "\(plan.threads == 1 ? "thread" : "threads"), \(Figures.whole(time.tokensPerSecond)) tokens/s"
            + others.map { ", " + $0 }.joined()
            + "; from \(Figures.counted(time.measuredSteps, "step")) measured now"
    }

    static func json(_ plan: RunPlan, _ estimates: [ProcessEstimate], _ network: ProcessEstimate.Network)
        -> String
    {
        var roles = JSONObject()
        for role in plan.roles {
            var count: JSONObject = ["parameters": JSONValue(role.parameters)]
            if let matrices = role.matrices { count["matrices"] = JSONValue(matrices) }
            roles[role.role] = .object(count)
        }
        let time: JSONValue? = plan.time.map { time in
            .object([
                "measuredSteps": JSONValue(time.measuredSteps),
                "secondsPerStep": .number(time.secondsPerStep),
                "trainingSeconds": .number(time.trainingSeconds),
                "evaluationSeconds": .number(time.evaluationSeconds),
                "answerSeconds": .number(time.answerSeconds),
                "forgettingSeconds": .number(time.forgettingSeconds),
                "totalSeconds": .number(time.totalSeconds),
                "tokensPerSecond": .number(time.tokensPerSecond),
            ])
        }
        return JSONValue.object([
            "method": .string(plan.config.tuning.method.name), "threads": JSONValue(plan.threads),
            "parameters": .object([
                "frozen": JSONValue(plan.frozenParameters), "trainable": JSONValue(plan.trainableParameters),
                "head": JSONValue(plan.headParameters), "roles": .object(roles),
            ]),
            "memory": .object([
                "bytes": JSONValue(plan.memory.total),
                "availableBytes": plan.memory.available.map { JSONValue($0) } ?? .null,
                "fits": .bool(plan.memory.fits),
                "parts": .array(
                    plan.memory.parts.map {
                        .object(["name": .string($0.name), "bytes": JSONValue($0.bytes)])
                    }),
            ]),
            "totalSteps": JSONValue(plan.totalSteps), "stepsPerEpoch": JSONValue(plan.stepsPerEpoch),
            "tokensPerEpoch": JSONValue(plan.tokensPerEpoch),
            "sharedPrefix": plan.sharedPrefix.map { .number($0) } ?? .null,
            "evaluations": JSONValue(plan.evaluations),
            "time": time ?? .null,
            "processes": estimates.isEmpty ? .null : ProcessReport.json(estimates, network),
            "warnings": .array(plan.warnings.map { .string($0) }),
        ]).text()
    }
}
