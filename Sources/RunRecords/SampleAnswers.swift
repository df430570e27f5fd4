import ModelFiles

/// What a language model answered to a prompt after a step, without its adapter and with it: a line of `samples.jsonl`.
package struct SampleAnswers: Sendable, Equatable {
    package struct Answer: Sendable, Equatable {
        package let text: String
        /// Of the text, without the one that ends it
        package let tokens: Int
        /// The model ended it; otherwise it was cut.
        package let hasEnded: Bool

        package init(text: String, tokens: Int, hasEnded: Bool) {
            self.text = text
            self.tokens = tokens
            self.hasEnded = hasEnded
        }
    }

    package let step: Int
    /// Which of the run's prompts, from 0
    package let prompt: Int
    package let promptText: String
    package let base: Answer
    package let tuned: Answer

    package init(step: Int, prompt: Int, promptText: String, base: Answer, tuned: Answer) {
        self.step = step
        self.prompt = prompt
        self.promptText = promptText
        self.base = base
        self.tuned = tuned
    }

    var json: JSONObject {
        [
            "step": JSONValue(step), "prompt": JSONValue(prompt), "promptText": .string(promptText),
            "base": .string(base.text), "baseTokens": JSONValue(base.tokens),
            "baseEnded": .bool(base.hasEnded), "text": .string(tuned.text),
            "tokens": JSONValue(tuned.tokens), "ended": .bool(tuned.hasEnded),
        ]
    }
}

/// All of a run's answers.
package struct SampleHistory: Sendable, Equatable {
    package struct Step: Sendable, Equatable {
        package let step: Int
        /// By prompt, from the first; of a run that was killed perhaps not all.
        package fileprivate(set) var answers: [SampleAnswers]

        package init(step: Int, answers: [SampleAnswers]) {
            self.step = step
            self.answers = answers
        }
    }

    /// At least one answer each, by step
    package let steps: [Step]
    /// What the reader left out: a torn last line, answers that a resumed run gave again.
    package let notes: [String]

    package init(steps: [Step], notes: [String] = []) {
        self.steps = steps
        self.notes = notes
    }

    package func answers(at step: Int) -> [SampleAnswers] {
        steps.first { $0.step == step }?.answers ?? []
    }
}

extension SampleHistory.Step {
    mutating func add(_ answers: SampleAnswers) { self.answers.append(answers) }
}
