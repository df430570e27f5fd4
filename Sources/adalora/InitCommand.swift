import AdapterTools
import ArgumentParser
import Foundation
import Messages
import RunConfiguration

struct InitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Begin a model that nobody trained: initial weights for a config.json.",
        discussion: """
            Writes model.safetensors into a folder that has config.json and preprocessor_config.json and no weights, drawn as \
            transformers draws them (ViT, DeiT, DINOv2). Train all of it with adalora train --method full --model FOLDER: an \
            adapter on such weights learns little.
            """)

    @Argument(help: ArgumentHelp("Folder of the model to be.", valueName: "folder")) var folder: String
    @Option(help: "Seed of the weights.") var seed = RunConfig.usualSeed

    func run() throws {
        try Failure.run {
            let count = try UntrainedModel.write(into: URL(fileURLWithPath: folder), seed: seed)
            Terminal.error(
                "\(folder)/\(UntrainedModel.weightsFile): \(Figures.counted(count, "weight")) that nobody trained, seed \(seed)"
            )
        }
    }
}
