import Foundation
import Matrices
import Messages
import RunRecords
import Tasks
import Training
import Transformers

/// Answers the prompts of a run greedily. Draws no random number and leaves the model as it was.
final class SampleAnswering {
    private let prompts: [SamplePrompts.Prompt]
    private let generator: TextGenerator
    /// Goes on behind the end of an answer, to be measured.
    private let endless: TextGenerator
    private let trainer: Trainer
    /// Of the model without adapters, by prompt; empty until it is asked.
    private var base: [SampleAnswers.Answer] = []

    /// Throws `HeadError` where the model gives no next words.
    init(_ prompts: SamplePrompts, _ inputs: RunInputs, _ trainer: Trainer) throws {
        self.prompts = prompts.prompts
        self.trainer = trainer
        func generator(_ stops: Set<Int32>) throws -> TextGenerator {
            try TextGenerator(
                backbone: inputs.backbone, head: trainer.model.head, tokenizer: inputs.tokenizer, stops: stops
            )
        }
        (self.generator, endless) = (try generator(prompts.stops), try generator([]))
    }

    /// What the model says before anything is learned; nil if `shouldStop` said so before the end.
    ///
    /// - Parameter goesOn: from an adapter, so that base and tuned model differ already.
    func firstAnswers(goesOn: Bool, unless shouldStop: () throws -> Bool) throws -> [SampleAnswers]? {
        guard
            let answers = try trainer.model.backbone.withoutAdapters({ try continued(unless: shouldStop) })
        else { return nil }
        base = answers
        return goesOn ? try self.answers(step: 0, unless: shouldStop) : beside(base, step: 0)
    }

    /// Of the model as it would be saved; nil if `shouldStop` said so before the end.
    func answers(step: Int, unless shouldStop: () throws -> Bool) throws -> [SampleAnswers]? {
        try trainer.method.masked { try continued(unless: shouldStop) }.map { beside($0, step: step) }
    }

    /// Takes the base model's answers from the file of the run that goes on.
    func takeBase(from folder: RunFolder) throws {
        let first = try RunReader.samples(folder, wasResumed: true)?.answers(at: 0) ?? []
        guard first.map(\.promptText) == prompts.map(\.text) else {
            throw TrainingError(
                "\(folder.samples.path): the answers of step 0 to the run's \(Figures.counted(prompts.count, "prompt")) are not "
                    + "there; put the file back, or start a new run")
        }
        base = first.map(\.base)
    }

    private func beside(_ tuned: [SampleAnswers.Answer], step: Int) -> [SampleAnswers] {
        prompts.indices.map {
            SampleAnswers(
                step: step, prompt: $0, promptText: prompts[$0].text, base: base[$0], tuned: tuned[$0])
        }
    }

    /// Tokens of an answer that stand for all of them
    private static let measuredTokens = 6

    /// Seconds of answering all prompts once, at most: answers may end before they are as long as they may be.
    func mostSeconds() -> Double {
        let workers = trainer.model.workers
        let some = prompts.prefix(workers.count).map(\.ids)
        let found = workers.map(tasks: some.count) { [endless] task in
            endless.continued(some[task], limit: Self.measuredTokens, .greedy)
        }
        let read = found.reduce(0) { $0 + $1.promptSeconds } / Double(some.reduce(0) { $0 + $1.count })
        let further = found.reduce(0) { $0 + $1.ids.count - 1 }
        let written = found.reduce(0) { $0 + $1.seconds } / Double(max(further, 1))
        let all = prompts.reduce(0) {
            $0 + Double($1.ids.count) * read + Double(SamplePrompts.mostTokens - 1) * written
        }
        return all / Double(some.count)
    }

    /// Bytes of the answers that are written at a time.
    static func bytes(_ prompts: SamplePrompts, _ model: SequenceModel) -> Int {
        let longest = prompts.prompts.reduce(1) { max($0, $1.ids.count) }
        let tokens = min(SamplePrompts.mostTokens, model.backbone.longestSequence - longest + 1)
        let one = WritingMemory(model, prompt: longest, tokens: tokens)?.elements ?? 0
        return min(model.workers.count, prompts.prompts.count) * one * MemoryLayout<Float>.size
    }

    /// A prompt is one worker's, so that the answers are the same on any number of them.
    private func continued(unless shouldStop: () throws -> Bool) throws -> [SampleAnswers.Answer]? {
        var answers: [SampleAnswers.Answer] = []
        let workers = trainer.model.workers
        // All processes ask at the same places whether to stop, whatever their threads are.
        let together = trainer.model.exchange.processes == 1 ? workers.count : prompts.count
        while answers.count < prompts.count {
            if try shouldStop() { return nil }
            let some = prompts[answers.count...].prefix(together).map(\.ids)
            answers += workers.map(tasks: some.count) { [generator] task in
                let found = generator.continued(some[task], limit: SamplePrompts.mostTokens, .greedy)
                return SampleAnswers.Answer(
                    text: found.text, tokens: found.ids.count, hasEnded: found.ending == .stop)
            }
        }
        return answers
    }
}
