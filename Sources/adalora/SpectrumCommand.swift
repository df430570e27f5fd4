import ArgumentParser
import Foundation
import Reports
import RunRecords

struct SpectrumCommand: ParsableCommand {
    enum Format: String, CaseIterable, ExpressibleByArgument { case table, csv, json }

    static let configuration = CommandConfiguration(
        commandName: "spectrum", abstract: "Show the singular values of what each matrix learned.",
        discussion: "Made from the run folder alone, also while the run goes on.")

    @Argument(help: ArgumentHelp("Run folder.", valueName: "run")) var folder: String
    @Option(help: "This matrix in detail, for example layer.3.query; may be repeated.") var site: [String] =
        []
    @Option(help: "Singular values in force after this step (default: the last).") var at: Int?
    @Option(help: "table, csv or json.") var format = Format.table

    func run() throws {
        try Failure.run {
            let record = try RunReader.record(of: URL(fileURLWithPath: folder))
            let history = try RunReader.triplets(of: record)
            // The table and JSON hold them.
            if format == .csv {
                for note in record.notes + history.notes { Terminal.error("note: \(note)") }
            }
            let text =
                switch format {
                case .table:
                    site.isEmpty
                        ? try SpectrumReport.table(history, step: at, style: Terminal.style)
                        : try SpectrumReport.sites(history, names: site, step: at, style: Terminal.style)
                case .csv: try SpectrumReport.csv(history, names: site, step: at)
                case .json: try SpectrumReport.json(history, names: site, step: at)
                }
            Terminal.output(text.hasSuffix("\n") ? String(text.dropLast()) : text)
        }
    }
}
