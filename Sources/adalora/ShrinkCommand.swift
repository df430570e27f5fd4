import AdapterTools
import ArgumentParser
import Foundation

struct ShrinkCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shrink", abstract: "Cut a trained adapter to a budget by exact singular values.",
        discussion: """
            Works on LoRA and AdaLoRA adapters. What is cut is the least of the whole model's update; no training \
            follows, so measure the result with evaluate.
            """)

    @OptionGroup var adapter: AdapterChoice
    @OptionGroup var budget: CutOptions
    @Option(help: "Adapter folder to write.") var output: String

    func run() throws {
        try Failure.run {
            let result = try AdapterShrinking.run(
                adapter: adapter.url, modelFolder: adapter.model.map { URL(fileURLWithPath: $0) },
                budget: budget.cut, output: URL(fileURLWithPath: output), threads: adapter.threads)
            CutTable.show(result.sites, parameters: result.parameters, output: output)
        }
    }
}
