import Datasets
import Foundation
import Testing

/// Scores by class, confusions, errors and calibration: by hand, and against scikit-learn
/// (scripts/goldens/class_scores.py).
@Suite struct ClassScoreTests {
    private static func golden<Value: Decodable>(_ name: String, _ type: Value.Type = Value.self) throws
        -> Value
    {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Goldens/scores/\(name).json")
        return try JSONDecoder().decode(Value.self, from: Data(contentsOf: file))
    }

    /// Ratios of small whole numbers, or sums of some dozen numbers in another order.
    private static func agree(_ ours: Double?, _ theirs: Double?) -> Bool {
        guard let ours, let theirs else { return ours == nil && theirs == nil }
        return abs(ours - theirs) < 1e-12 * max(1, abs(theirs))
    }

    private struct Report: Decodable {
        let truth: [Int32]
        let predicted: [Int32]
        let classes: Int
        let confusion: [[Int]]
        let precision: [Double?]
        let recall: [Double?]
        let f1: [Double?]
        let support: [Int]
    }

    @Test func classesAsInScikitLearn() throws {
        let cases: [Report] = try Self.golden("class_reports")
        try #require(cases.count == 33)
        for line in cases {
            let scores = Metrics.perClass(
                truth: line.truth, predicted: line.predicted, classCount: line.classes)
            #expect(scores.map(\.support) == line.support)
            for (ours, at) in zip(scores, scores.indices) {
                #expect(Self.agree(ours.precision, line.precision[at]), "\(line)")
                #expect(Self.agree(ours.recall, line.recall[at]), "\(line)")
                #expect(Self.agree(ours.f1, line.f1[at]), "\(line)")
            }
            let matrix = ConfusionMatrix(
                truth: line.truth, predicted: line.predicted, classCount: line.classes)
            var dense = [[Int]](repeating: Array(repeating: 0, count: line.classes), count: line.classes)
            for cell in matrix.cells { dense[cell.truth][cell.answer] = cell.count }
            #expect(dense == line.confusion && matrix.cells.allSatisfy { $0.count > 0 })
        }
    }

    @Test func confusionsByHand() {
        let matrix = ConfusionMatrix(truth: [2, 0, 2, 2, 1], predicted: [0, 0, 2, 0, 1], classCount: 4)
        #expect(
            matrix.cells == [
                .init(truth: 0, answer: 0, count: 1), .init(truth: 1, answer: 1, count: 1),
                .init(truth: 2, answer: 0, count: 2), .init(truth: 2, answer: 2, count: 1),
            ])
        #expect(matrix.cells.filter(\.isRight).count == 3 && matrix.classCount == 4)
        #expect(ConfusionMatrix(truth: [], predicted: [], classCount: 2).cells.isEmpty)
    }

    private struct Errors: Decodable {
        let truth: [Float]
        let predicted: [Float]
        let absolute: Double
        let squared: Double
    }

    @Test func errorsAsInScikitLearn() throws {
        let cases: [Errors] = try Self.golden("errors")
        try #require(cases.count == 32)
        for line in cases {
            let (truth, predicted) = (line.truth, line.predicted)
            #expect(
                Self.agree(Metrics.meanAbsoluteError(truth: truth, predicted: predicted), line.absolute))
            #expect(
                Self.agree(Metrics.rootMeanSquaredError(truth: truth, predicted: predicted), line.squared))
        }
        #expect(Metrics.meanAbsoluteError(truth: [0, 0], predicted: [3, -4]) == 3.5)
        #expect(Metrics.rootMeanSquaredError(truth: [0, 0], predicted: [3, -4]) == 12.5.squareRoot())
        #expect(Metrics.meanAbsoluteError(truth: [], predicted: []) == nil)
        #expect(Metrics.meanAbsoluteError(truth: [1], predicted: [.nan]) == nil)
        #expect(Metrics.rootMeanSquaredError(truth: [.infinity], predicted: [1]) == nil)
    }

    private struct Calibration: Decodable {
        let confidences: [Double]
        let right: [Bool]
        let error: Double
    }

    @Test func calibrationAsInGuosCode() throws {
        let cases: [Calibration] = try Self.golden("calibration")
        try #require(cases.count == 33)
        for line in cases {
            let ours = Metrics.calibrationError(confidences: line.confidences, isRight: line.right)
            #expect(Self.agree(ours, line.error), "\(ours ?? .nan), not \(line.error)")
        }
    }

    /// 0.62 and 0.66 share the bin from 9/15 to 10/15: mean 0.64, half of them right, 2 of 3 rows; 0.9 is alone and right.
    @Test func calibrationByHand() throws {
        let error = try #require(
            Metrics.calibrationError(confidences: [0.62, 0.9, 0.66], isRight: [true, true, false]))
        #expect(abs(error - (2.0 / 3 * 0.14 + 1.0 / 3 * 0.1)) < 1e-15)
        // Two wrongs in one bin do not make up for each other in two.
        let apart = Metrics.calibrationError(confidences: [0.3, 0.7], isRight: [false, true])
        #expect(Self.agree(apart, 0.3))
        #expect(Metrics.calibrationError(confidences: [], isRight: []) == nil)
        #expect(Metrics.calibrationError(confidences: [.nan, 0.5], isRight: [true, true]) == nil)
        #expect(Metrics.calibrationError(confidences: [0, 1], isRight: [false, true]) == 0)
    }
}
