import AdapterTools
import Adapters
import ArgumentParser
import Foundation

struct ExtractCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "extract", abstract: "Make an adapter out of the difference of two checkpoints.",
        discussion: """
            The difference of each linear matrix is cut to one budget over the whole model by singular values. A \
            sequence-classification head of the tuned model goes with the adapter. What differs elsewhere (biases, \
            layer norms, embeddings, pooler) has no place in an adapter and is reported.
            """)

    enum Factorizing: String, ExpressibleByArgument, CaseIterable { case auto, exact, randomized }

    @Option(help: "Folder of the base model.") var base: String
    @Option(help: "Folder of the tuned model, of the same architecture.") var tuned: String
    @OptionGroup var budget: CutOptions
    @Option(
        help: ArgumentHelp("Matrices of each layer, separated by commas (default: all).", valueName: "names"))
    var targets: String?
    @Option(
        help:
            "Singular values by LAPACK, or randomized; auto is exact up to 512 rows or columns, and with --energy."
    )
    var svd = Factorizing.auto
    @Option(
        help: "Class names, separated by commas, in the order of the head (default: the model's id2label).")
    var labels: String?
    @Option(help: "Seed of the randomized singular values.") var seed: UInt64 = 42
    @Option(help: "Threads (default: all cores).") var threads: Int?
    @Option(help: "Adapter folder to write.") var output: String

    func validate() throws {
        if let threads, threads < 1 { throw ValidationError("--threads must be at least 1, not \(threads)") }
        if svd == .randomized && budget.energy != nil {
            throw ValidationError("--energy needs all singular values: leave out --svd randomized")
        }
        _ = try roles()
    }

    private func roles() throws -> AdaptedRoles {
        guard let targets else { return .all }
        let names = targets.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        guard let roles = AdaptedRoles(names: names) else {
            let unknown = names.first { !AdaptedRoles.names.contains($0) } ?? targets
            throw ValidationError(
                "--targets \(unknown): use " + AdaptedRoles.names.joined(separator: ", "))
        }
        return roles
    }

    func run() throws {
        try Failure.run {
            let how: AdapterExtraction.Factorizing =
                switch svd {
                case .auto: .automatic
                case .exact: .exact
                case .randomized: .randomized
                }
            var options = AdapterExtraction.Options(
                base: URL(fileURLWithPath: base), tuned: URL(fileURLWithPath: tuned), roles: try roles(),
                budget: budget.cut, output: URL(fileURLWithPath: output))
            options.factorizing = how
            options.labels = labels?.split(separator: ",", omittingEmptySubsequences: false).map {
                $0.trimmingCharacters(in: .whitespaces)
            }
            options.seed = seed
            options.threads = threads
            let result = try AdapterExtraction.run(options)
            for warning in result.warnings { Terminal.error("warning: \(warning)") }
            if !result.outside.isEmpty {
                let kinds = result.outside.map { kind in
                    "\(kind.kind) in \(kind.differing) of \(kind.tensors) tensors ("
                        + String(format: "%.2g %%", 100 * kind.relative) + ")"
                }
                Terminal.error(
                    "warning: differences outside the adapted matrices are lost, sizes relative to the base: "
                        + kinds.joined(separator: ", "))
            }
            CutTable.show(result.sites, parameters: result.parameters, output: output)
            Terminal.output(
                "head: "
                    + (result.labels.map { $0.isEmpty ? "one score" : "\($0.count) classes" } ?? "none"))
            Terminal.output("checked on made-up sequences: \(result.difference)")
            Terminal.output("against the tuned model: \(result.loss)")
        }
    }
}
