import RunRecords
import Tasks

extension ClassResults.Evaluation {
    /// nil for a task that scores no classes.
    ///
    /// - Parameter labels: of the model, where the evaluation names no classes of its own.
    init?(_ evaluation: Tasks.Evaluation, labels: [String], step: Int, isBest: Bool) {
        guard !evaluation.perClass.isEmpty else { return nil }
        let names = evaluation.classNames ?? labels
        self.init(
            step: step, isBest: isBest,
            classes: evaluation.perClass.map {
                ClassResults.ClassCounts(
                    name: names[$0.index], support: $0.support, predicted: $0.predicted, correct: $0.correct)
            },
            confusion: evaluation.confusion?.cells.map {
                ClassResults.Cell(truth: $0.truth, answer: $0.answer, count: $0.count)
            })
    }
}

extension ClassResults {
    /// What a run's file says that goes on after `step`; of a damaged file why nothing of it counts.
    static func resumed(_ folder: RunFolder, after step: Int, best: Int?) -> (
        results: ClassResults, warnings: [String]
    ) {
        do {
            let saved = try ClassResultsFile.read(folder) ?? ClassResults([])
            return (saved.resumed(after: step, best: best), [])
        } catch {
            return (ClassResults([]), ["\(error)"])
        }
    }
}
