import ArgumentParser
import Datasets
import Foundation
import ModelFiles
import RunConfiguration
import Runs

struct DataCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data", abstract: "Look at data before training on it, or split it.",
        subcommands: [DataCheckCommand.self, DataShowCommand.self, DataSplitCommand.self])
}

struct DataCheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Say what is odd or wrong in training, validation and test rows.",
        discussion: """
            Files are training, validation and test rows, in this order or by --train, --validation and --test. With \
            --model lengths are counted in its tokens. What training refuses is an error (exit status 65), all else a \
            warning: rows that cannot be read, repeated or contradictory rows, rows that two files share, labels that \
            one file lacks, empty and overlong texts. Rows of images may also be a folder with one subfolder for each \
            class; each image is decoded, and the same pixels by other names are found.
            """)

    @Argument(help: "Training rows, then validation rows, then test rows.") var files: [String] = []
    @Option(help: "Training rows.") var train: String?
    @Option(help: "Validation rows.") var validation: String?
    @Option(help: "Test rows.") var test: String?
    @Option(help: "Folder of the pretrained model, for lengths in tokens.") var model: String?
    @OptionGroup(title: "Data") var data: DataOptions
    @OptionGroup(title: "Labels") var labels: LabelOptions
    @Flag(help: "Print JSON instead of tables.") var json = false
    @Flag(help: "Exit with status 65 also where there are only warnings.") var strict = false

    func validate() throws {
        let named = [train, validation, test].contains { $0 != nil }
        guard files.isEmpty || !named else {
            throw ValidationError("give files in order, or by --train, --validation and --test, not both")
        }
        guard named || !files.isEmpty else { throw ValidationError("give at least one file of rows") }
        guard files.count <= DataCheck.Role.allCases.count else {
            throw ValidationError(
                "\(files.count) files are too many: training, validation and test rows, in this order")
        }
    }

    private var paths: [(role: DataCheck.Role, path: String)] {
        if !files.isEmpty { return Array(zip(DataCheck.Role.allCases, files).map { (role: $0, path: $1) }) }
        let named: [(DataCheck.Role, String?)] = [
            (.train, train), (.validation, validation), (.test, test),
        ]
        return named.compactMap { role, path in path.map { (role: role, path: $0) } }
    }

    func run() throws {
        try Failure.run {
            let given = (data.flags + labels.flags).compactMap { flag in
                flag.value.map { (key: flag.key, value: $0) }
            }
            // The method without adapters asks for no budget; of a model that is not given nothing is read.
            let config = try RunConfig.load(
                yaml: nil, yamlName: "",
                overrides: given + [
                    ("model", model ?? "none"), ("train", paths[0].path), ("output", "none"),
                    ("method", "head"),
                ])
            for warning in config.warnings { Terminal.error("warning: \(warning)") }
            let check = try DataCheck.run(paths, config.config, hasModel: model != nil)
            Terminal.output(
                json
                    ? DataCheckReport.json(check, strict: strict)
                    : DataCheckReport.text(check, config.config, width: Terminal.width))
            let (errors, warnings) = (check.errors.count, check.warnings.count)
            if errors > 0 || (strict && warnings > 0) {
                let counts = "\(errors) \(errors == 1 ? "error" : "errors")"
                Terminal.error(
                    "error: \(counts)" + (strict ? " and \(warnings) warnings" : "")
                        + " in the data; see above")
                throw ExitCode(65)
            }
        }
    }
}
