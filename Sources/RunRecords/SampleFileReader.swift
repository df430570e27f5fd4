import Foundation
import Messages

/// Reads `samples.jsonl`.
struct SampleFileReader {
    let file: URL
    /// A resumed run may answer again after steps after which the run before it had answered.
    let wasResumed: Bool
    private(set) var steps: [SampleHistory.Step] = []
    private(set) var notes: [String] = []
    private var replaced = 0

    init(file: URL, wasResumed: Bool) {
        self.file = file
        self.wasResumed = wasResumed
    }

    /// False where there is no such file.
    mutating func read() throws -> Bool {
        guard let lines = try LineReader(file) else { return false }
        var reader = self
        try lines.read { bytes, line, isTorn in
            do {
                try reader.add(EventLine(bytes, file: reader.file.path, line: line))
            } catch  where isTorn {
                reader.notes.append("samples.jsonl: the last line (\(line)) is torn and was ignored")
            }
        }
        if reader.replaced > 0 {
            reader.notes.append(
                "samples.jsonl: the answers of \(Figures.counted(reader.replaced, "step")) were given again after a resume; the "
                    + "later ones count")
        }
        self = reader
        return true
    }

    private mutating func add(_ line: EventLine) throws {
        let answers = SampleAnswers(
            step: try line.step(), prompt: try line.count("prompt"), promptText: try line.text("promptText"),
            base: .init(
                text: try line.text("base"), tokens: try line.count("baseTokens"),
                hasEnded: try line.flag("baseEnded")),
            tuned: .init(
                text: try line.text("text"), tokens: try line.count("tokens"),
                hasEnded: try line.flag("ended")))
        if let last = steps.last, last.step == answers.step, answers.prompt == last.answers.count {
            steps[steps.count - 1].add(answers)
            return
        }
        guard answers.prompt == 0 else {
            throw line.error(
                "prompt \(answers.prompt) of step \(answers.step) does not follow the one before it")
        }
        if let last = steps.last?.step, answers.step <= last {
            guard wasResumed else { throw line.error("step \(answers.step) follows step \(last)") }
            let before = steps.count
            steps.removeAll { $0.step >= answers.step }
            replaced += before - steps.count
        }
        steps.append(.init(step: answers.step, answers: [answers]))
    }
}
