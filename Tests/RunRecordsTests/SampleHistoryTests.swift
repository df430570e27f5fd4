import Foundation
import RunRecords
import Testing

@Suite struct SampleHistoryTests {
    private final class Scratch {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent(
            "samples-\(UUID().uuidString)")
        var folder: RunFolder { RunFolder(url) }

        init() throws { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }

        deinit { try? FileManager.default.removeItem(at: url) }

        func write(_ text: String) throws { try Data(text.utf8).write(to: folder.samples) }
    }

    private static func answers(_ step: Int, _ prompt: Int, tuned: String = "now") -> SampleAnswers {
        SampleAnswers(
            step: step, prompt: prompt, promptText: "say \"\(prompt)\"\n",
            base: .init(text: "before", tokens: 2, hasEnded: false),
            tuned: .init(text: tuned, tokens: 3, hasEnded: true))
    }

    private static func line(_ step: Int, _ prompt: Int, _ text: String = "now") -> String {
        #"{"step":\#(step),"prompt":\#(prompt),"promptText":"p","base":"b","baseTokens":1,"baseEnded":true,"#
            + #""text":"\#(text)","tokens":1,"ended":false}"#
    }

    /// A run without prompts has no such file.
    @Test func onlyOfRunsWithPrompts() throws {
        let scratch = try Scratch()
        _ = try EventLog(scratch.folder, offsets: nil)
        #expect(!FileManager.default.fileExists(atPath: scratch.folder.samples.path))
        #expect(try RunReader.samples(scratch.folder, wasResumed: false) == nil)
    }

    @Test func whatWasWrittenIsRead() throws {
        let scratch = try Scratch()
        let log = try EventLog(scratch.folder, offsets: nil, hasSamples: true)
        #expect(try RunReader.samples(scratch.folder, wasResumed: false) == SampleHistory(steps: []))
        try log.append([Self.answers(0, 0), Self.answers(0, 1)])
        try log.append([])
        try log.append([Self.answers(4, 0, tuned: "ä\u{1F600}\u{0}</script>"), Self.answers(4, 1)])
        try log.sync()
        let history = try #require(try RunReader.samples(scratch.folder, wasResumed: false))
        #expect(history.steps.map(\.step) == [0, 4] && history.notes.isEmpty)
        #expect(history.answers(at: 0) == [Self.answers(0, 0), Self.answers(0, 1)])
        #expect(history.answers(at: 4)[0].tuned.text == "ä\u{1F600}\u{0}</script>")
        #expect(history.answers(at: 2).isEmpty)
    }

    /// What a killed run said after the checkpoint that its successor goes on from is cut off.
    @Test func aResumedRunCutsTheFile() throws {
        let scratch = try Scratch()
        let log = try EventLog(scratch.folder, offsets: nil, hasSamples: true)
        try log.append([Self.answers(0, 0)])
        let offsets = log.offsets
        #expect(offsets.samples == (try Data(contentsOf: scratch.folder.samples)).count)
        try log.append([Self.answers(4, 0, tuned: "lost")])
        let again = try EventLog(scratch.folder, offsets: offsets, hasSamples: true)
        try again.append([Self.answers(4, 0)])
        let history = try #require(try RunReader.samples(scratch.folder, wasResumed: true))
        #expect(history.steps.map(\.step) == [0, 4] && history.answers(at: 4) == [Self.answers(4, 0)])
        #expect(history.notes.isEmpty)
        // A file that is shorter than what the checkpoint counts on.
        try scratch.write("")
        #expect(throws: (any Error).self) {
            try EventLog(scratch.folder, offsets: offsets, hasSamples: true)
        }
    }

    @Test func aTornLastLineIsLeftOut() throws {
        let scratch = try Scratch()
        try scratch.write(Self.line(0, 0) + "\n" + Self.line(0, 1).dropLast(5))
        let history = try #require(try RunReader.samples(scratch.folder, wasResumed: false))
        #expect(history.answers(at: 0).map(\.prompt) == [0])
        #expect(history.notes == ["samples.jsonl: the last line (2) is torn and was ignored"])
    }

    @Test func answersGivenAgain() throws {
        let scratch = try Scratch()
        try scratch.write(
            [Self.line(0, 0), Self.line(4, 0), Self.line(8, 0), Self.line(4, 0, "again")].map { $0 + "\n" }
                .joined())
        let history = try #require(try RunReader.samples(scratch.folder, wasResumed: true))
        #expect(history.steps.map(\.step) == [0, 4] && history.answers(at: 4)[0].tuned.text == "again")
        #expect(history.notes.count == 1 && history.notes[0].contains("2 steps"))
        #expect(throws: RecordError.self) { try RunReader.samples(scratch.folder, wasResumed: false) }
    }

    @Test(arguments: [
        (#"{"step":0}"#, "key 'prompt' is missing"), ("[]", "not a JSON object"), ("{", "not JSON"),
        (line(0, 1), "prompt 1 of step 0 does not follow"),
        (line(-1, 0), "key 'step' should be an integer of at least 0"),
        (line(0, 0).replacing("\"b\"", with: "3"), "key 'base' should be a string"),
        (line(0, 0).replacing("false", with: "0"), "key 'ended' should be true or false"),
        (line(0, 0) + "\n" + line(0, 2), "prompt 2 of step 0 does not follow"),
        (line(0, 0) + "\n" + line(0, 0), "step 0 follows step 0"),
    ]) func damagedFiles(text: String, problem: String) throws {
        let scratch = try Scratch()
        try scratch.write(text + "\n")
        let error = #expect(throws: RecordError.self) {
            try RunReader.samples(scratch.folder, wasResumed: false)
        }
        #expect(error?.description.contains(problem) == true, "\(String(describing: error))")
    }

    @Test func forgettingOfAnEvaluation() throws {
        let told = ForgettingMetrics(loss: 3.5, baseLoss: 3, divergence: 0.25, same: 0.75)
        let evaluation = RunRecord.Evaluation(
            step: 1, loss: 2, metrics: [.init(name: "perplexity", value: 7)] + told.metrics, isBest: true,
            seconds: 1)
        #expect(ForgettingMetrics(evaluation) == told)
        #expect(
            told.metrics.map(\.name).allSatisfy(ForgettingMetrics.has) && !ForgettingMetrics.has("perplexity")
        )
        let without = RunRecord.Evaluation(step: 1, loss: 2, metrics: [], isBest: true, seconds: 1)
        #expect(ForgettingMetrics(without) == nil)
    }
}
