import Datasets
import Foundation
import Matrices
import Synchronization

/// A row whose answer is not the truth.
package struct WrongRow: Sendable, Codable {
    package struct Probability: Sendable, Codable {
        package let label: Int32
        package let probability: Double
    }

    /// Which of the data's sequences
    package let row: Int
    /// Positions in the `LabelSet`, rising; of a task with one class a row one each.
    package let truth: [Int32]
    package let answer: [Int32]
    /// The most probable first, at most `mostProbable` and those of the truth.
    package let probabilities: [Probability]

    /// With all probabilities of all wrong rows an evaluation would hold the logits of the data.
    package static let mostProbable = 10

    /// - Parameter probabilities: of all classes.
    init(row: Int, truth: [Int32], answer: [Int32], of probabilities: [Double]) {
        self.row = row
        self.truth = truth
        self.answer = answer
        let order = probabilities.indices.sorted { (probabilities[$1], $0) < (probabilities[$0], $1) }
        let shown = order.enumerated().filter { place, label in
            place < Self.mostProbable || truth.contains(Int32(label))
        }
        self.probabilities = shown.map {
            Probability(label: Int32($0.element), probability: probabilities[$0.element])
        }
    }
}

/// The wrong rows that a meter keeps where it is asked to, from shards in any order.
final class WrongRows: ExchangedResults {
    private let isKept: Bool
    private let rows = Mutex<[WrongRow]>([])

    init(isKept: Bool) { self.isKept = isKept }

    func add(row: Int, truth: [Int32], answer: [Int32], of probabilities: @autoclosure () -> [Double]) {
        guard isKept, truth != answer else { return }
        let wrong = WrongRow(row: row, truth: truth, answer: answer, of: probabilities())
        rows.withLock { $0.append(wrong) }
    }

    func said(at places: [Int]) -> Data {
        let places = Set(places)
        return ExchangedForm.data(rows.withLock { rows in rows.filter { places.contains($0.row) } })
    }

    func hear(_ data: Data, at places: [Int]) -> Bool {
        guard let found = ExchangedForm.values([WrongRow].self, data) else { return false }
        rows.withLock { $0 += found }
        return true
    }

    /// In the order of the data; nil where they are not kept.
    var all: [WrongRow]? { isKept ? rows.withLock { $0.sorted { $0.row < $1.row } } : nil }
}

extension Matrix {
    /// softmax of a row, in Double
    func probabilities(_ row: Int) -> [Double] {
        let values = (0..<columns).map { Double(self.row(row)[$0]) }
        let highest = values.max() ?? 0
        let exponentials = values.map { exp($0 - highest) }
        let sum = exponentials.reduce(0, +)
        return exponentials.map { $0 / sum }
    }
}

extension Evaluation {
    /// How often each class was taken for which; nil for a task whose rows have not one class each.
    package var confusion: ConfusionMatrix? {
        guard case .classes(let predicted, let truth) = rows else { return nil }
        return ConfusionMatrix(truth: truth, predicted: predicted, classCount: perClass.count)
    }
}
