import ArgumentParser
import Charts
import Foundation
import ModelFiles
import ReportPages
import Reports
import RunRecords

struct ReportCommand: ParsableCommand {
    enum Format: String, CaseIterable, ExpressibleByArgument { case html, svg, png, csv, json, markdown }
    enum Theme: String, CaseIterable, ExpressibleByArgument { case automatic, light, dark }

    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Write a page that shows where the rank went, or single figures.",
        discussion: """
            Made from the run folder alone, also while the run goes on. Several runs, or a folder that holds some, are \
            laid over each other. The page is one file that needs no network. --figure takes one figure out of it.

            Figures of one run: \(RunReport.figureNames.one.joined(separator: ", ")) (the singular values of one \
            matrix, such as spectrum:layer.3.query). Of a model of two towers also towers, and roles and layers for each of \
            them (roles-text, layers-vision).

            Figures of several runs: \(RunReport.figureNames.several.joined(separator: ", ")) (such as \
            metric:accuracy).
            """)

    @Argument(help: ArgumentHelp("Run folders, or folders that hold some.", valueName: "runs"))
    var runs: [String]
    @Option(help: "html, svg, png, csv, json or markdown.") var format = Format.html
    @Option(help: "One figure, for svg, png, csv and json.") var figure: String?
    @Option(
        help:
            "File to write (default: report.html in the folder given, or here for several; else standard output)."
    )
    var output: String?
    @Option(
        help:
            "Colors of svg and png: light, for white paper, dark, or automatic, as the reader of the svg prefers."
    )
    var theme = Theme.light

    func validate() throws {
        guard !runs.isEmpty else { throw ValidationError("give a run folder") }
        switch format {
        case .svg, .png, .csv:
            guard figure != nil else {
                throw ValidationError(
                    "--format \(format.rawValue) needs --figure, for example --figure ranks")
            }
        case .html, .markdown:
            guard figure == nil else {
                throw ValidationError("--figure goes with --format svg, png, csv or json")
            }
        case .json: break
        }
        if format == .png, output == nil, Terminal.isTerminal(STDOUT_FILENO) {
            throw ValidationError("a terminal shows no PNG; give --output FILE.png")
        }
    }

    func run() throws {
        try Failure.run {
            let report = try report()
            switch format {
            case .html: try writePage(report)
            case .svg: try write(Data(svg(report).utf8))
            case .png: try write(PNG.data(svg: svg(report)))
            case .csv: try write(Data(report.figure(figure ?? "").table().csv().utf8))
            case .json: try write(Data(report.json(figure: figure).utf8))
            case .markdown: try write(Data(report.markdown().utf8))
            }
        }
    }

    /// More runs than this in one folder are more likely all that there are than some to compare.
    private static let mostInFolder = 12

    private func report() throws -> RunReport {
        var found: [RunListPage.Entry] = []
        for run in runs {
            let folder = URL(fileURLWithPath: run)
            let entries = RunCatalog(roots: [folder]).entries()
            guard entries.count <= Self.mostInFolder else {
                throw RecordError(
                    kind: .notRecorded, place: run,
                    problem: "\(entries.count) runs are more than a page can show beside each other",
                    advice: "name up to \(Self.mostInFolder) of them, or show them all with adalora serve")
            }
            // Reading a folder without runs says what it lacks.
            found += entries.isEmpty ? [.init(name: folder.lastPathComponent, folder: folder)] : entries
        }
        let isListed = found.count > runs.count
        return try RunReport(found.map(\.folder), names: isListed ? names(found) : nil)
    }

    /// Those that the folders have for them; where two have the same, with the folder above.
    private func names(_ entries: [RunListPage.Entry]) -> [String] {
        entries.map { entry in
            let isUnique = entries.count { $0.name == entry.name } == 1
            return isUnique ? entry.name : entry.folder.relativePath
        }
    }

    private func svg(_ report: RunReport) throws -> String {
        let figure = try report.figure(figure ?? "")
        let colors: ChartTheme =
            switch theme {
            case .automatic: format == .png ? .light : .automatic
            case .light: .light
            case .dark: .dark
            }
        return try figure.svg(FigureForm(id: figure.id, theme: colors))
    }

    private func writePage(_ report: RunReport) throws {
        let file =
            output.map { URL(fileURLWithPath: $0) }
            ?? (runs.count == 1
                ? RunFolder(URL(fileURLWithPath: runs[0])).page
                : URL(fileURLWithPath: "report.html"))
        let page = Data(report.html().utf8)
        try ParentFolders.making(for: file) { try AtomicFile.write(page, to: file) }
        Terminal.error("report: \(file.relativePath)")
    }

    private func write(_ data: Data) throws {
        guard let output else { return Terminal.output(data: data) }
        let file = URL(fileURLWithPath: output)
        try ParentFolders.making(for: file) { try AtomicFile.write(data, to: file) }
    }
}

/// Pictures by librsvg's `rsvg-convert`.
enum PNG {
    /// Twice the size of the SVG, for dense screens and print. Throws `RecordError` where the program is missing or
    /// fails.
    static func data(svg: String) throws -> Data {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "adalora-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (source, target) = (
            folder.appendingPathComponent("figure.svg"), folder.appendingPathComponent("figure.png")
        )
        try Data(svg.utf8).write(to: source)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["rsvg-convert", "--zoom", "2", "--output", target.path, source.path]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        // What env(1) ends with when it does not find the program.
        guard process.terminationStatus != 127 else {
            throw RecordError(
                kind: .missing, place: "rsvg-convert",
                problem: "PNG is made by this program, which is not installed",
                advice: "apt-get install librsvg2-bin, or use --format svg")
        }
        guard process.terminationStatus == 0, let data = FileManager.default.contents(atPath: target.path)
        else {
            throw RecordError(
                kind: .unreadable, place: "rsvg-convert",
                problem: "it made no picture (status \(process.terminationStatus))",
                advice: "use --format svg")
        }
        return data
    }
}
