/// How often each class was answered for rows of each class. Only cells that are not 0 are kept: of ten thousand classes
/// nobody could hold all.
package struct ConfusionMatrix: Sendable, Equatable {
    package struct Cell: Sendable, Hashable {
        /// Positions in the `LabelSet`
        package let truth: Int
        package let answer: Int
        package let count: Int

        package init(truth: Int, answer: Int, count: Int) {
            self.truth = truth
            self.answer = answer
            self.count = count
        }

        package var isRight: Bool { truth == answer }
    }

    package let classCount: Int
    /// By truth, then by answer; every count is above 0.
    package let cells: [Cell]

    package init(truth: [Int32], predicted: [Int32], classCount: Int) {
        precondition(
            truth.count == predicted.count, "\(truth.count) true values but \(predicted.count) predictions")
        var counts: [[Int32]: Int] = [:]
        for (actual, guess) in zip(truth, predicted) { counts[[actual, guess], default: 0] += 1 }
        self.classCount = classCount
        cells = counts.map { Cell(truth: Int($0.key[0]), answer: Int($0.key[1]), count: $0.value) }
            .sorted { ($0.truth, $0.answer) < ($1.truth, $1.answer) }
    }
}
