import AdapterTools
import ArgumentParser
import Foundation

/// How many triplets stay where updates are cut by singular values.
struct CutOptions: ParsableArguments {
    @Option(help: "Triplets that stay, over all adapted matrices.") var budget: Int?
    @Option(name: .customLong("average-rank"), help: "Triplets that stay, per adapted matrix.")
    var averageRank: Double?
    @Option(
        name: .customLong("budget-parameters"),
        help: "Parameters that stay; a triplet of a d × k matrix has d + k.")
    var budgetParameters: Int?
    @Option(help: "As few triplets as keep this share of the updates' energy Σσ², like 0.9.")
    var energy: Double?

    func validate() throws {
        let given = [budget != nil, averageRank != nil, budgetParameters != nil, energy != nil].count { $0 }
        guard given == 1 else {
            throw ValidationError("give one of --budget, --average-rank, --budget-parameters and --energy")
        }
        guard budget ?? 1 > 0, averageRank ?? 1 > 0, (averageRank ?? 1).isFinite, averageRank ?? 1 < 100_000,
            budgetParameters ?? 1 > 0
        else { throw ValidationError("the budget must be above 0") }
        guard let energy else { return }
        guard energy > 0, energy <= 1 else {
            throw ValidationError("--energy must be above 0 and at most 1, not \(energy)")
        }
    }

    var cut: TripletBudget {
        if let budget { return .budget(.triplets(budget)) }
        if let averageRank { return .budget(.averageRank(averageRank)) }
        if let budgetParameters { return .budget(.parameters(budgetParameters)) }
        return .energy(energy ?? 1)
    }
}

/// Prints what a cut left of each adapted matrix.
enum CutTable {
    static func show(_ sites: [CutSite], parameters: Int, output: String) {
        Terminal.output("site                          rank      relative error of ΔW")
        for site in sites {
            let name = site.name.padding(toLength: 28, withPad: " ", startingAt: 0)
            let before = site.rankBefore.map { String(format: "%3d → ", $0) } ?? "      "
            Terminal.output(
                name + "  " + before
                    + "\(site.rank)".padding(toLength: 4, withPad: " ", startingAt: 0)
                    + String(format: "%8.2f %%", 100 * site.relativeError))
        }
        let kept = sites.reduce(0) { $0 + $1.rank }
        let before = sites.reduce(0) { $0 + ($1.rankBefore ?? 0) }
        let energy = sites.reduce(0) { $0 + $1.energy }
        let share = energy > 0 ? sites.reduce(0) { $0 + $1.keptEnergy } / energy : 1
        Terminal.output(
            "kept \(kept)\(before > 0 ? " of \(before)" : "") triplets, \(parameters) parameters, "
                + String(format: "%.2f %%", 100 * share) + " of the energy, in \(output)")
    }
}
