/// What a run's validation rows said class by class, after the best evaluation and after the last: `classes.json`.
package struct ClassResults: Sendable, Equatable {
    /// How often a class was true, answered, and both. What counts of spans are is their type.
    package struct ClassCounts: Sendable, Equatable {
        package let name: String
        package let support: Int
        package let predicted: Int
        package let correct: Int

        package init(name: String, support: Int, predicted: Int, correct: Int) {
            self.name = name
            self.support = support
            self.predicted = predicted
            self.correct = correct
        }

        private static func ratio(_ part: Int, _ whole: Int) -> Double? {
            whole > 0 ? Double(part) / Double(whole) : nil
        }

        /// nil where the class was never answered.
        package var precision: Double? { Self.ratio(correct, predicted) }
        /// nil where the class was never true.
        package var recall: Double? { Self.ratio(correct, support) }
        /// nil where the class was neither true nor answered.
        package var f1: Double? { Self.ratio(2 * correct, support + predicted) }
    }

    /// Rows of class `truth` that were answered with class `answer`, by their positions among the classes.
    package struct Cell: Sendable, Equatable {
        package let truth: Int
        package let answer: Int
        package let count: Int

        package init(truth: Int, answer: Int, count: Int) {
            self.truth = truth
            self.answer = answer
            self.count = count
        }
    }

    package struct Evaluation: Sendable, Equatable {
        package let step: Int
        package let isBest: Bool
        package let classes: [ClassCounts]
        /// Cells above 0 by truth, then by answer; nil where rows have not one class each.
        package let confusion: [Cell]?

        package init(step: Int, isBest: Bool, classes: [ClassCounts], confusion: [Cell]?) {
            self.step = step
            self.isBest = isBest
            self.classes = classes
            self.confusion = confusion
        }
    }

    /// At most two: the best so far, where there is one, and the last, where that is another.
    package let evaluations: [Evaluation]

    package init(_ evaluations: [Evaluation]) { self.evaluations = evaluations }

    package var best: Evaluation? { evaluations.first { $0.isBest } }

    /// The best, or the last of a run without one.
    package var shown: Evaluation? { best ?? evaluations.last }

    /// What the file holds once `evaluation` is done.
    package func adding(_ evaluation: Evaluation) -> ClassResults {
        let kept = evaluation.isBest ? nil : best
        return ClassResults((kept.map { [$0] } ?? []) + [evaluation])
    }

    /// What a run that goes on after `step` may still say.
    ///
    /// - Parameter best: the step of its best evaluation so far.
    package func resumed(after step: Int, best: Int?) -> ClassResults {
        ClassResults(evaluations.filter { $0.step <= step && (!$0.isBest || $0.step == best) })
    }
}
