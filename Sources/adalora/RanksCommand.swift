import ArgumentParser
import Foundation
import Reports
import RunRecords

struct RanksCommand: ParsableCommand {
    enum Format: String, CaseIterable, ExpressibleByArgument { case table, csv, json }

    static let configuration = CommandConfiguration(
        commandName: "ranks", abstract: "Show which layer and role holds how much rank.",
        discussion: "Made from the run folder alone, also while the run goes on.")

    @Argument(help: ArgumentHelp("Run folder.", valueName: "run")) var folder: String
    @Option(help: "Ranks in force after this step (default: the last).") var at: Int?
    @Flag(help: "All allocations: how ranks moved over time.") var history = false
    @Option(help: "table, csv or json.") var format = Format.table

    func run() throws {
        try Failure.run {
            let record = try RunReader.record(of: URL(fileURLWithPath: folder))
            for note in record.notes { Terminal.error("note: \(note)") }
            try record.checkHasRanks()
            let text =
                switch format {
                case .table:
                    history
                        ? RankReport.history(record, style: Terminal.style)
                        : try RankReport.table(record, step: at, style: Terminal.style)
                case .csv: try RankReport.csv(record, step: at, history: history)
                case .json: try RankReport.json(record, step: at, history: history)
                }
            Terminal.output(text.hasSuffix("\n") ? String(text.dropLast()) : text)
        }
    }

    func validate() throws {
        if history && at != nil { throw ValidationError("--history shows all steps; leave out --at") }
    }
}
