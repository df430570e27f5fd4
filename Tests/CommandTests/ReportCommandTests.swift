import Foundation
import ModelFiles
import Testing

/// `adalora report` and `adalora watch` on a run of the tiny model.
@Suite struct ReportCommandTests {
    private let workspace: Workspace

    init() throws {
        workspace = try Workspace()
        let result = try workspace.run(Workspace.training(["--budget", "12", "--learning-rate", "0.01"]))
        try #require(result.status == 0, "\(result.errors)")
    }

    @Test func thePageIsOneFileInTheRunFolder() throws {
        let result = try workspace.run(["report", "run"])
        #expect(result.status == 0)
        #expect(result.errors == "report: run/report.html\n")
        let html = try workspace.text("run/report.html")
        #expect(html.hasPrefix("<!doctype html>"))
        #expect(html.contains("default-src &#39;none&#39;"))
        // Nothing is fetched: no address but names of namespaces.
        #expect(
            html.components(separatedBy: "http").count == html.components(separatedBy: "http://www.w3.org/")
                .count
                + html.components(separatedBy: "http-equiv").count - 1)
        // A run says what it was made of.
        let start = try #require(workspace.events("run", "start").first)
        #expect(start["environment"]?["program"]?.string?.hasPrefix("adalora ") == true)
        #expect(start["hashes"]?["train"]?.string?.isEmpty == false)
        for name in ["program", "cpu"] {
            let value = try #require(start["environment"]?[name]?.string)
            #expect(html.contains(value), "\(name)")
        }
    }

    @Test func figuresComeInEveryFormat() throws {
        let csv = try workspace.run(["report", "run", "--format", "csv", "--figure", "loss"]).output
        let losses = try workspace.events("run", "step").compactMap { $0["loss"]?.double }
        let rows = csv.split(separator: "\n").dropFirst().map {
            $0.split(separator: ",", omittingEmptySubsequences: false)
        }
        #expect(rows.map { Double($0[1]) } == losses)
        let svg = try workspace.run([
            "report", "run", "--format", "svg", "--figure", "ranks", "--theme", "dark",
        ]).output
        #expect(svg.hasPrefix("<svg") && !svg.contains("@media"))
        let spectrum = try workspace.run(
            ["report", "run", "--format", "svg", "--figure", "spectrum:layer.0.intermediate"])
        #expect(spectrum.output.contains("Singular values of layer.0.intermediate"))
        let json = try JSONValue.parse(workspace.run(["report", "run", "--format", "json"]).output)
        #expect(json["runs"]?.array?.first?["Budget"]?.string == "96 → 12")
        let markdown = try workspace.run(["report", "run", "--format", "markdown"]).output
        #expect(markdown.contains("| Method | adalora"))
        // librsvg may be missing; then the message says what to install.
        let png = try workspace.run(
            ["report", "run", "--format", "png", "--figure", "ranks", "--output", "ranks.png"])
        if png.status == 0 {
            #expect(try workspace.bytes("ranks.png").starts(with: [0x89, 0x50, 0x4E, 0x47]))
        } else {
            #expect(png.status == 66)
            #expect(png.errors.contains("apt-get install librsvg2-bin"))
        }
    }

    @Test func pngWithoutRsvgSaysWhatToInstall() throws {
        try FileManager.default.createDirectory(
            at: workspace.file("empty"), withIntermediateDirectories: true)
        let result = try RunningCommand(
            ["report", "run", "--format", "png", "--figure", "ranks", "--output", "ranks.png"],
            in: workspace.url, environment: ["PATH": workspace.file("empty").path]
        ).finish()
        #expect(result.status == 66)
        #expect(
            result.errors
                == "error: rsvg-convert: PNG is made by this program, which is not installed; apt-get install "
                + "librsvg2-bin, or use --format svg\n")
        #expect(!workspace.exists("ranks.png"))
    }

    @Test func severalRunsMakeOnePage() throws {
        let lora = Workspace.training(output: "lora", ["--method", "lora", "--average-rank", "1"])
        try #require(try workspace.run(lora).status == 0)
        let result = try workspace.run(["report", "run", "lora"])
        #expect(result.errors == "report: report.html\n")
        #expect(try workspace.text("report.html").contains("Settings that differ"))
    }

    /// As `adalora serve` takes it.
    @Test func aFolderOfRunsIsAllOfThem() throws {
        for name in ["a", "b/c"] {
            let copy = workspace.file("runs/\(name)")
            try FileManager.default.createDirectory(
                at: copy.deletingLastPathComponent(), withIntermediateDirectories: true)
            try FileManager.default.copyItem(at: workspace.file("run"), to: copy)
        }
        let result = try workspace.run(["report", "runs"])
        #expect(result.errors == "report: runs/report.html\n")
        let page = try workspace.text("runs/report.html")
        #expect(page.contains("<h1>2 runs</h1>") && page.contains("b/c"))
        let csv = try workspace.run(["report", "runs", "--format", "csv", "--figure", "loss"])
        #expect(csv.output.hasPrefix("step,run,value\n1,a,"), "\(csv.errors)")
        // A folder that holds one run is that run.
        #expect(
            try workspace.run(["report", "runs/b", "--format", "csv", "--figure", "loss"]).output.hasPrefix(
                "step,loss"))
        for number in 0..<12 {
            try FileManager.default.copyItem(
                at: workspace.file("run"), to: workspace.file("runs/more-\(number)"))
        }
        let many = try workspace.run(["report", "runs"])
        #expect(many.status == 65, "\(many.errors)")
        #expect(many.errors.contains("14 runs are more than a page can show"))
    }

    @Test func picturesAreForWhitePaperUnlessAsked() throws {
        let options = ["report", "run", "--format", "svg", "--figure", "ranks"]
        let plain = try workspace.run(options).output
        #expect(plain.contains(".bg{fill:#ffffff}") && !plain.contains("@media"))
        let reader = try workspace.run(options + ["--theme", "automatic"]).output
        #expect(reader.contains("@media (prefers-color-scheme: dark)"))
    }

    @Test func helpListsTheFigures() throws {
        let help = try workspace.run(["report", "--help"]).output.split { $0.isWhitespace }.joined(
            separator: " ")
        for name in ["learning-rate", "spectrum:SITE", "validation-loss", "metric:NAME", "total-rank"] {
            #expect(help.contains(name), "\(name)")
        }
    }

    private static let wrong: [([String], Int32)] = [
        (["report"], 64), (["report", "run", "--format", "svg"], 64),
        (["report", "run", "--figure", "loss"], 64), (["report", "model"], 66),
        (["report", "run", "--format", "svg", "--figure", "lss"], 65),
        (["report", "run", "--format", "svg", "--figure", "spectrum:layer.9.query"], 65),
        (["watch", "model"], 66),
        (["watch", "run", "--every", "0"], 64),
    ]

    @Test(arguments: wrong)
    func wrongArgumentsAreErrors(arguments: [String], status: Int32) throws {
        let result = try workspace.run(arguments)
        #expect(result.status == status, "\(result.errors)")
        #expect(result.output.isEmpty)
        #expect(!result.errors.isEmpty)
    }

    @Test func watchTellsOfAFinishedRunAndEnds() throws {
        let result = try workspace.run(["watch", "run"])
        #expect(result.status == 0, "\(result.errors)")
        let lines = result.output.split(separator: "\n")
        #expect(lines.first == "adalora: 30 steps, 12 matrices, budget 96 to 12 triplets")
        #expect(lines.last == "completed at step 30")
        // No terminal, no control characters.
        #expect(!result.output.contains("\u{1B}"))
    }

    /// Watched from before it begins until somebody kills it.
    @Test func watchEndsWithARunThatIsKilled() throws {
        // Long enough to be killed in the middle on any machine.
        let run = Workspace.training(output: "long", steps: 100_000, validation: nil, ["--budget", "12"])
        let watch = try RunningCommand(["watch", "long", "--wait", "--every", "0.1"], in: workspace.url)
        let training = try RunningCommand(run, in: workspace.url)
        let deadline = Date(timeIntervalSinceNow: 120)
        while (try? workspace.events("long", "step").count) ?? 0 < 5, Date() < deadline {
            Thread.sleep(forTimeInterval: 0.1)
        }
        let second = try RunningCommand(["watch", "long", "--every", "0.1"], in: workspace.url)
        Thread.sleep(forTimeInterval: 2)
        #expect(second.isRunning)
        training.send(SIGKILL)
        let ended = try second.finish(within: 60)
        #expect(ended.status == 1)
        #expect(ended.errors.contains("it was killed after step"))
        #expect(ended.errors.contains("adalora train --resume long"))
        // The one that waits goes on waiting.
        #expect(watch.isRunning)
        // It looks ten times a second, on a machine that may be busy.
        Thread.sleep(forTimeInterval: 3)
        watch.send(SIGTERM)
        #expect(try watch.finish().output.contains("it was killed after step"))
        _ = try training.finish()
    }
}
