import Foundation
import ModelFiles
import Testing

/// Rows are answered as they come, in their order, in constant memory.
@Suite struct PredictStreamTests {
    private let workspace: Workspace

    init() throws {
        workspace = try Workspace()
        let result = try workspace.run(Workspace.training(steps: 5, ["--budget", "12"]))
        try #require(result.status == 0, "\(result.errors)")
    }

    private static func row(_ text: String) -> Data { Data("{\"text\": \"\(text)\"}\n".utf8) }

    /// Waits for so many lines of a process that goes on.
    private func wait(for count: Int, of command: RunningCommand) throws {
        let limit = Date() + 120
        while try command.outputSoFar().split(separator: "\n").count < count {
            let errors = try command.errorsSoFar()
            try #require(Date() < limit && command.isRunning, "no answer: \(errors)")
            usleep(20_000)
        }
    }

    @Test func aSlowPipeGetsEachAnswerBeforeItCloses() throws {
        let pipe = Pipe()
        let command = try workspace.start(["predict", "run", "--data", "-", "--keep", "text"], pipe: pipe)
        for count in 1...3 {
            try pipe.fileHandleForWriting.write(contentsOf: Self.row("the film \(count)"))
            try wait(for: count, of: command)
        }
        // Half a line is no row yet; the last one needs no end.
        try pipe.fileHandleForWriting.write(contentsOf: Self.row("the film 4").dropLast(4))
        usleep(200_000)
        #expect(try command.outputSoFar().split(separator: "\n").count == 3)
        try pipe.fileHandleForWriting.write(contentsOf: Data("4\"}".utf8))
        try pipe.fileHandleForWriting.close()
        let result = try command.finish()
        try #require(result.status == 0, "\(result.errors)")
        let texts = try Self.lines(result.output).map { $0["text"]?.string }
        #expect(texts == ["the film 1", "the film 2", "the film 3", "the film 4"])
    }

    private static func lines(_ output: String) throws -> [JSONValue] {
        try output.split(separator: "\n").map { try JSONValue.parse(String($0)) }
    }

    /// One by one a row has the same digits wherever it comes from; together the same up to rounding.
    @Test func answersAreInTheOrderOfTheRows() throws {
        let alone = ["--batch-size", "1"]
        let file = try workspace.run(["predict", "run", "--data", "validation.jsonl"] + alone)
        let pipe = try workspace.shell(
            "cat validation.jsonl | \"$0\" \"$@\"", ["predict", "run"] + alone)
        #expect(
            file.status == 0 && file.output == pipe.output && file.output.split(separator: "\n").count == 30)
        let rows = try workspace.text("validation.jsonl").split(separator: "\n").map {
            try JSONValue.parse(String($0))["text"]?.string
        }
        for size in ["7", "100"] {
            let result = try workspace.shell(
                "cat validation.jsonl | \"$0\" \"$@\"",
                ["predict", "run", "--keep", "text", "--batch-size", size])
            let answers = try Self.lines(result.output)
            #expect(answers.map { $0["text"]?.string } == rows)
            for (answer, single) in zip(answers, try Self.lines(file.output)) {
                #expect(answer["label"] == single["label"])
                let values = try #require([answer, single].map { $0["probability"]?.double } as? [Double])
                // Products of other shapes add in another order: some units of Float32's 6e-8.
                #expect(abs(values[0] - values[1]) < 1e-6)
            }
        }
    }

    private static let bad =
        "{\"text\": \"the film\", \"id\": 1}\n{\"text\": \n{\"text\": \"the book\", \"id\": 2}\n{\"txt\": \"a\", \"id\": 3}\n"
        + "{\"text\": 5, \"id\": 4}\n{\"text\": \"\(String(repeating: "very ", count: 40))good\", \"id\": 5}\n"
        + "{\"text\": \"the song\", \"id\": 6}\n"

    @Test func aBadRowStopsIsReportedOrLeftOut() throws {
        func run(_ mode: [String]) throws -> CommandResult {
            try workspace.run(
                ["predict", "run", "--long-rows", "error", "--keep", "id"] + mode, input: Self.bad)
        }
        for mode in [[], ["--on-error", "stop"]] {
            let stopped = try run(mode)
            #expect(stopped.status == 65 && stopped.errorLines.count == 1)
            #expect(stopped.errors.contains("standard input:2: broken JSON"), "\(stopped.errors)")
            #expect(try Self.lines(stopped.output).map { $0["id"]?.int } == [1])
        }
        let reported = try run(["--on-error", "report"])
        try #require(reported.status == 0, "\(reported.errors)")
        let lines = try Self.lines(reported.output)
        #expect(lines.map { $0["line"]?.int } == [nil, 2, nil, 4, 5, 6, nil])
        #expect(lines.map { $0["label"] == nil } == [false, true, false, true, true, true, false])
        #expect(lines.map { $0["id"]?.int } == [1, nil, 2, 3, 4, 5, 6])
        for (line, problem) in [
            (1, "broken JSON"), (3, "no column 'text'"), (4, "is a number, not a string"),
            (5, "the row has 43 tokens, max-length is 32; shorten the text, or use --long-rows truncate"),
        ] {
            #expect(lines[line]["error"]?.string?.contains(problem) == true, "\(lines[line].text())")
        }
        #expect(
            reported.errors.contains("warning: 4 rows with an error in place of an answer, first at line 2"))

        let skipped = try run(["--on-error", "skip"])
        #expect(skipped.status == 0)
        #expect(try Self.lines(skipped.output).map { $0["id"]?.int } == [1, 2, 6])
        #expect(skipped.errors.contains("warning: 4 rows left out, first at line 2: broken JSON"))
        let nothing = try workspace.run(["predict", "run", "--on-error", "skip"], input: "{\"txt\": 1}\n")
        #expect(nothing.status == 65 && nothing.output.isEmpty)
        // Cut, as without the option.
        let cut = try workspace.run(["predict", "run", "--on-error", "skip"], input: Self.bad)
        #expect(try Self.lines(cut.output).count == 4 && cut.errors.contains("1 rows are longer than 32"))
    }

    @Test func tablesGoInAndOut() throws {
        let table = "id,review\n1,\"the \"\"film\"\", good\"\n2,\"the\nbook\"\n3,\"never closed\n4,the song\n"
        try workspace.write(table, to: "rows.csv")
        let options = ["--text-column", "review", "--keep", "all", "--on-error", "report"]
        let csv = try workspace.run(["predict", "run", "--data", "rows.csv", "--format", "csv"] + options)
        try #require(csv.status == 0, "\(csv.errors)")
        let start = csv.output.prefix { $0 != "\n" }
        #expect(
            start
                == "id,review,label,probability,probability_negative,probability_neutral,probability_positive,truncatedTokens,error,line"
        )
        #expect(csv.output.contains("\n1,\"the \"\"film\"\", good\","))
        #expect(csv.output.contains("\n2,\"the\nbook\","))
        #expect(csv.output.contains(",a quoted field is never closed; add the closing quote,5\n"))
        #expect(csv.output.contains("\n4,the song,"))
        // What was written can be read again, and says the same.
        try workspace.write(csv.output, to: "answers.csv")
        let again = try workspace.run(
            ["predict", "run", "--data", "answers.csv", "--text-column", "review", "--keep", "id,label"])
        try #require(again.status == 0, "\(again.errors)")
        let lines = try Self.lines(again.output)
        #expect(lines.map { $0["id"]?.string } == ["1", "2", "", "4"])
        for index in [0, 1, 3] { #expect(lines[index]["label"] == lines[index]["input_label"]) }
        #expect(again.errors.contains("column label is written as input_label"), "\(again.errors)")

        let tsv = try workspace.run(
            ["predict", "run", "--format", "tsv", "--top", "1", "--keep", "text"],
            input: "{\"text\": \"the\\tfilm\"}\n{\"text\": \"good\"}\n")
        let rows = tsv.output.split(separator: "\n")
        #expect(rows.count == 3 && rows[1].hasPrefix("\"the\tfilm\"\t") && rows[2].hasPrefix("good\t"))
        // Only the most probable class has a number.
        #expect(
            rows[2].split(separator: "\t", omittingEmptySubsequences: false)[3...5].count { !$0.isEmpty } == 1
        )
        let missing = try workspace.run(
            ["predict", "run", "--data", "rows.csv", "--keep", "ids"] + options.prefix(2))
        #expect(
            missing.status == 65
                && missing.errors.contains("no column 'ids' to keep; the columns are 'id', 'review'"))
    }

    @Test func linesOfText() throws {
        let result = try workspace.run(
            ["predict", "run", "--data-format", "text", "--keep", "text"],
            input: "the film\r\n\n\"good\", she said")
        try #require(result.status == 0, "\(result.errors)")
        #expect(
            try Self.lines(result.output).map { $0["text"]?.string } == [
                "the film", "", "\"good\", she said",
            ])
        #expect(result.errors.contains("1 row with empty text, first at line 2"))
        try workspace.write("the film\n", to: "log.txt")
        let unnamed = try workspace.run(["predict", "run", "--data", "log.txt"])
        #expect(unnamed.status == 65 && unnamed.errors.contains("--data-format"))
        #expect(
            try workspace.run(["predict", "run", "--data", "log.txt", "--data-format", "text"]).status == 0)
    }

    @Test func packedRowsComeFromPipesToo() throws {
        let bytes = Gzip.packed(Array(try workspace.bytes("validation.jsonl")))
        try Data(bytes).write(to: workspace.file("rows.jsonl.gz"))
        let plain = try workspace.run(["predict", "run", "--data", "validation.jsonl"])
        #expect(try workspace.run(["predict", "run", "--data", "rows.jsonl.gz"]).output == plain.output)
        let pipe = try workspace.shell("cat rows.jsonl.gz | \"$0\" predict run", [])
        #expect(pipe.status == 0 && pipe.output == plain.output, "30 rows wait together")
        try Data(bytes.dropLast(9)).write(to: workspace.file("rows.jsonl.gz"))
        let damaged = try workspace.run(["predict", "run", "--data", "rows.jsonl.gz", "--batch-size", "10"])
        #expect(damaged.status == 65 && damaged.errors.contains("the gzip data end too early"))
    }

    @Test func anInterruptLeavesWholeLines() throws {
        for signal in [SIGINT, SIGTERM] {
            let pipe = Pipe()
            let command = try workspace.start(["predict", "run"], pipe: pipe)
            try pipe.fileHandleForWriting.write(contentsOf: Self.row("the film"))
            try wait(for: 1, of: command)
            command.send(signal)
            let result = try command.finish()
            #expect(result.status == 128 + signal && result.errors.isEmpty, "\(result.errors)")
            #expect(result.output.hasSuffix("}\n"))
        }
    }

    @Test func aReaderThatGoesAwayEndsQuietly() throws {
        try workspace.write(Workspace.jsonLines(rows: 4_000, places: ["film"]), to: "many.jsonl")
        let result = try workspace.shell(
            "\"$0\" predict run --data many.jsonl --batch-size 20 | head -n 2", [])
        #expect(result.output.split(separator: "\n").count == 2 && result.errors.isEmpty)
    }

    /// Twenty times the rows take no more memory, up to what an allocator keeps.
    @Test func memoryDoesNotGrowWithTheFile() throws {
        var peaks: [Int] = []
        for count in [2_000, 40_000] {
            try workspace.write(Workspace.jsonLines(rows: count, places: ["film"]), to: "many.jsonl")
            let command = try workspace.start(
                ["predict", "run", "--data", "many.jsonl", "--batch-size", "1000", "--keep", "all"])
            var peak = 0
            while command.isRunning {
                peak = max(peak, command.peakMemory ?? 0)
                usleep(20_000)
            }
            let result = try command.finish()
            #expect(result.status == 0 && result.output.utf8.count { $0 == 0x0A } == count)
            peaks.append(peak)
        }
        // 38,000 answers held would be some 60 MB.
        #expect(peaks[1] - peaks[0] < 20_000_000, "\(peaks)")
    }

    @Test func optionsThatMeanNothingAreUsageErrors() throws {
        for options in [
            ["--batch-size", "0"], ["--on-error", "x"], ["--keep", ","], ["--long-rows", "drop"],
            ["--format", "xml"], ["--data-format", "parquet"],
        ] {
            #expect(try workspace.run(["predict", "run"] + options).status == 64, "\(options)")
        }
        for (options, problem) in [
            (["--data-format", "conll"], "conll does not hold what this task reads"),
            (["--data-format", "squad"], "squad does not hold what this task reads"),
        ] {
            let result = try workspace.run(["predict", "run"] + options, input: "a\n")
            #expect(result.status == 65 && result.errors.contains(problem), "\(result.errors)")
        }
    }
}
