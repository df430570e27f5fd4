import AdapterTools
import Adapters
import ArgumentParser
import Foundation

struct MergeAdaptersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "merge-adapters", abstract: "Make one adapter out of several on the same base model.",
        discussion: """
            sum   Σ w·ΔW, exact before the cut
            ties  each ΔW cut to its largest entries; the mean of those of the elected sign
            dare  entries dropped at random and the rest scaled up, then the sum

            Each matrix's merged ΔW is cut to one budget over the whole model by exact singular values. Heads are \
            averaged by the weights where all have the same labels; --head takes one of them.
            """)

    enum Method: String, ExpressibleByArgument, CaseIterable { case sum, ties, dare }

    @Argument(help: "Run or adapter folders, two or more; also PEFT's.") var adapters: [String]
    @Option(help: "Folder of the base model.") var model: String
    @Option(help: "One weight each, separated by commas (default: 1/N each, with ties 1 each).")
    var weights: String?
    @Option(help: "How the updates are merged.") var method = Method.sum
    @Option(help: "With ties and dare: the share of each update's entries that stays (default: 0.5).")
    var density: Double?
    @OptionGroup var budget: CutOptions
    @Option(help: "The adapter whose head to take, as its folder was given.") var head: String?
    @Option(help: "Seed of what dare drops.") var seed: UInt64 = 42
    @Option(help: "Threads (default: all cores).") var threads: Int?
    @Option(help: "Adapter folder to write.") var output: String

    func validate() throws {
        guard adapters.count > 1 else { throw ValidationError("give two adapters or more") }
        if let threads, threads < 1 { throw ValidationError("--threads must be at least 1, not \(threads)") }
        if let density {
            guard method != .sum else {
                throw ValidationError("--density goes with --method ties and dare only")
            }
            guard density > 0, density <= 1 else {
                throw ValidationError("--density must be above 0 and at most 1, not \(density)")
            }
        }
        if let head, !adapters.contains(head) {
            throw ValidationError("--head \(head) is none of the adapters given")
        }
        _ = try numbers()
    }

    /// w_i
    private func numbers() throws -> [Double] {
        guard let weights else {
            return adapters.map { _ in method == .ties ? 1 : 1 / Double(adapters.count) }
        }
        let numbers = weights.split(separator: ",", omittingEmptySubsequences: false).map {
            Double($0.trimmingCharacters(in: .whitespaces))
        }
        let finite = numbers.compactMap { $0 }.filter { $0.isFinite && $0.magnitude < 1e6 }
        guard finite.count == numbers.count, finite.count == adapters.count,
            finite.contains(where: { $0 != 0 })
        else {
            throw ValidationError(
                "--weights \(weights): give \(adapters.count) numbers separated by commas, one for each adapter"
            )
        }
        return finite
    }

    func run() throws {
        try Failure.run {
            let share = density ?? 0.5
            let how: AdapterMerge.Method =
                switch method {
                case .sum: .sum
                case .ties: .ties(density: share)
                case .dare: .dare(density: share, seed: seed)
                }
            var options = AdapterMerging.Options(
                adapters.map { AdapterFolder(URL(fileURLWithPath: $0)) }, base: URL(fileURLWithPath: model),
                merge: AdapterMerge(method: how, weights: try numbers()), budget: budget.cut,
                output: URL(fileURLWithPath: output))
            options.headOf = head.flatMap { adapters.firstIndex(of: $0) }
            options.threads = threads
            let result = try AdapterMerging.run(options)
            for warning in result.warnings { Terminal.error("warning: \(warning)") }
            CutTable.show(result.sites, parameters: result.parameters, output: output)
            Terminal.output("head: \(result.head)")
            Terminal.output("checked on made-up sequences: \(result.difference)")
        }
    }
}
