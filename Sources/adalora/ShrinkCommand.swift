import ArgumentParser
import Foundation
import Training

struct ShrinkCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shrink", abstract: "Cut a trained adapter to a budget by exact singular values.",
        discussion: """
            Works on LoRA and AdaLoRA adapters. What is cut is the least of the whole model's update; no training \
            follows, so measure the result with evaluate.
            """)

    @OptionGroup var adapter: AdapterChoice
    @Option(help: "Triplets that stay, over all adapted matrices.") var budget: Int?
    @Option(name: .customLong("average-rank"), help: "Triplets that stay, per adapted matrix.")
    var averageRank: Double?
    @Option(
        name: .customLong("budget-parameters"),
        help: "Parameters that stay; a triplet of a d × k matrix has d + k.")
    var budgetParameters: Int?
    @Option(help: "Adapter folder to write.") var output: String

    func validate() throws {
        let given = [budget != nil, averageRank != nil, budgetParameters != nil].count { $0 }
        guard given == 1 else {
            throw ValidationError("give one of --budget, --average-rank and --budget-parameters")
        }
        guard budget ?? 1 > 0, averageRank ?? 1 > 0, (averageRank ?? 1).isFinite, averageRank ?? 1 < 100_000,
            budgetParameters ?? 1 > 0
        else { throw ValidationError("the budget must be above 0") }
    }

    func run() throws {
        try Failure.run {
            let limit: AdapterShrinking.Budget =
                if let budget {
                    .triplets(budget)
                } else if let averageRank {
                    .averageRank(averageRank)
                } else {
                    .parameters(budgetParameters ?? 0)
                }
            let result = try AdapterShrinking(
                adapter: adapter.url, modelFolder: adapter.model.map { URL(fileURLWithPath: $0) },
                budget: limit,
                output: URL(fileURLWithPath: output), threads: adapter.threads)
            Terminal.output("site                          rank      relative error of ΔW")
            for site in result.sites {
                let name = site.name.padding(toLength: 28, withPad: " ", startingAt: 0)
                let ranks = String(format: "%3d → %-3d", site.rankBefore, site.rank)
                Terminal.output("\(name)  \(ranks) \(String(format: "%8.2f %%", 100 * site.relativeError))")
            }
            let kept = result.sites.reduce(0) { $0 + $1.rank }
            let before = result.sites.reduce(0) { $0 + $1.rankBefore }
            Terminal.output(
                "kept \(kept) of \(before) triplets, \(result.parameters) parameters, in \(output)")
        }
    }
}
