import Autodiff
import Foundation
import Matrices
import Testing

@Suite struct VocabularyDriftTests {
    private static let targets: [Int32] = [4, 0, 22, 11, 7]

    private func drift(
        _ base: (Matrix, any Operand), _ tuned: (Matrix, any Operand), _ targets: [Int32],
        _ transform: LogitTransform = .identity, blocks: VocabularyBlocks? = nil
    ) -> [TokenDrift] {
        Tape(evaluatingWith: poisonedPool()).vocabularyDrift(
            from: VocabularyRows(hidden: base.0, weight: base.1),
            to: VocabularyRows(hidden: tuned.0, weight: tuned.1), targets: targets, transform: transform,
            blocks: blocks)
    }

    /// p = (1/8, 2/8, 5/8) and q = (1/3, 1/3, 1/3): KL(p ‖ q) = Σ p · log(3p). The other way round it is another number.
    @Test func byHand() {
        let logs = [0, Float(log(2.0)), Float(log(5.0))]
        let weight = Parameter(name: "w", values: Matrix(rows: 3, columns: 1, values: logs))
        let (one, none) = (Matrix(rows: 1, columns: 1, values: [1]), Matrix(rows: 1, columns: 1, values: [0]))
        let found = drift((one, weight), (none, weight), [1])[0]
        let kl = [0.125, 0.25, 0.625].reduce(0) { $0 + $1 * log(3 * $1) }
        // Float32 logits of order 1.
        #expect(abs(found.divergence - kl) < 1e-6)
        #expect(abs(found.baseLoss - log(4.0)) < 1e-6 && abs(found.loss - log(3.0)) < 1e-6)
        // Of three equal words the first, where the base model has the last.
        #expect(!found.isSame)
        let back = drift((none, weight), (one, weight), [1])[0]
        let other = [0.125, 0.25, 0.625].reduce(0) { $0 - log(3 * $1) / 3 }
        #expect(abs(back.divergence - other) < 1e-6 && abs(other - kl) > 0.01)
    }

    /// Beside logits as a whole and sums in Double, whatever the blocks.
    @Test(arguments: [
        LogitTransform.identity, LogitTransform(scale: 0.5), LogitTransform(scale: 2, softCap: 3),
    ]) func isThatOfWholeLogits(transform: LogitTransform) {
        let weights = [normalParameter("w", 23, 6, seed: 91), normalParameter("v", 23, 6, seed: 92)]
        let hidden = [normalMatrix(5, 6, seed: 93), normalMatrix(5, 6, seed: 94)]
        func logits(_ which: Int, _ row: Int) -> [Double] {
            let values = (0..<23).map { word in
                (0..<6).reduce(0.0) {
                    $0 + Double(hidden[which].row(row)[$1]) * Double(weights[which].values.row(word)[$1])
                } * Double(transform.scale)
            }
            return transform.softCap.map { cap in values.map { Double(cap) * tanh($0 / Double(cap)) } }
                ?? values
        }
        func logProbabilities(_ logits: [Double]) -> [Double] {
            let sum = log(logits.reduce(0) { $0 + exp($1) })
            return logits.map { $0 - sum }
        }
        for blocks in [
            nil, VocabularyBlocks(rows: 2, words: 100), VocabularyBlocks(rows: 3, words: 5),
            VocabularyBlocks(rows: 1, words: 1),
        ] {
            let found = drift(
                (hidden[0], weights[0]), (hidden[1], weights[1]), Self.targets, transform, blocks: blocks)
            #expect(found.count == 5)
            for (row, one) in found.enumerated() {
                let (p, q) = (logProbabilities(logits(0, row)), logProbabilities(logits(1, row)))
                let kl = zip(p, q).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
                let target = Int(Self.targets[row])
                // Float32 products of six terms and logits up to 10.
                #expect(abs(one.divergence - kl) < 1e-5 * max(1, kl), "\(one.divergence), \(kl)")
                #expect(abs(one.baseLoss + p[target]) < 1e-5 && abs(one.loss + q[target]) < 1e-5)
                #expect(
                    one.isSame == (p.indices.max { p[$0] < p[$1] } == q.indices.max { q[$0] < q[$1] }))
            }
        }
    }

    /// Of a model from itself exactly nothing.
    @Test func ofAModelFromItself() {
        let (weight, hidden) = (normalParameter("w", 23, 6, seed: 95), normalMatrix(5, 6, seed: 96))
        for one in drift((hidden, weight), (hidden, weight), Self.targets) {
            #expect(one.divergence == 0 && one.isSame && one.loss == one.baseLoss)
        }
    }
}
