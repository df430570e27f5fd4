import CVectorKernels
import Glibc
import Matrices

extension Tape {
    /// Σ over rows of −log softmax(logits)[target], with logits = transform(hidden · weightᵀ), divided by `divisor` (the targets of the whole step, of which
    /// this shard holds a part). Rows whose target is `ignoredLabel` are left out before the product.
    ///
    /// The logits [rows, V] exist block by block. Over a frozen weight one pass gives each row's log-sum-exp, summed in Double
    /// (Milakov and Gimelshein 2018), and its gradient, which shrinks when a larger logit turns up, as the output of
    /// attention does (Dao et al. 2022). Where the weight trains, a second pass has the gradients; it computes the logits again
    /// where they are more than one block (Wijmans et al. 2024, "Cut Your Losses in Large-Vocabulary Language Models").
    ///
    /// - Parameters:
    ///   - hidden: [T, C]
    ///   - places: where several targets are of one row, the row of each; nil where target i is that of row i.
    ///   - weight: [V, C], trained or frozen
    ///   - targets: one a row
    ///   - transform: of the model, from products to logits
    ///   - blocks: nil for those of the rule; tests give others.
    package func vocabularyCrossEntropy(
        _ hidden: Variable, places: [Int]? = nil, weight: any Operand, targets: [Int32], divisor: Double,
        transform: LogitTransform = .identity
    ) -> Double {
        vocabularyCrossEntropy(
            hidden, places: places, weight: weight, targets: targets, divisor: divisor, transform: transform,
            blocks: nil)
    }

    package func vocabularyCrossEntropy(
        _ hidden: Variable, places: [Int]? = nil, weight: any Operand, targets: [Int32], divisor: Double,
        transform: LogitTransform = .identity, blocks: VocabularyBlocks?
    ) -> Double {
        let losses = vocabularyLosses(
            hidden, places: places, weight: weight, targets: targets, divisor: divisor, transform: transform,
            blocks: blocks)
        return losses.reduce(0) { $0 + ($1 ?? 0) / divisor }
    }

    /// The losses of rows, and whether any word is more probable than the target; for figures, nothing goes backward.
    ///
    /// - Parameters: as of `vocabularyLosses`; a target of `ignoredLabel` has a loss of 0.
    package func vocabularyScores(
        _ hidden: Variable, places: [Int]? = nil, weight: any Operand, targets: [Int32],
        transform: LogitTransform = .identity
    ) -> [TokenScore] {
        vocabularyScores(
            hidden, places, weight: weight, targets: targets, divisor: 1, transform: transform, blocks: nil
        ).map { $0 ?? TokenScore(loss: 0, isFirst: false) }
    }

    /// The same loss row by row, not divided: −log softmax(logits)[target] of each row; nil where the target is
    /// `ignoredLabel`.
    ///
    /// - Parameter divisor: of the loss that goes backward, where something does.
    package func vocabularyLosses(
        _ hidden: Variable, places: [Int]? = nil, weight: any Operand, targets: [Int32], divisor: Double = 1,
        transform: LogitTransform = .identity, blocks: VocabularyBlocks? = nil
    ) -> [Double?] {
        vocabularyScores(
            hidden, places, weight: weight, targets: targets, divisor: divisor, transform: transform,
            blocks: blocks
        ).map { $0?.loss }
    }

    private func vocabularyScores(
        _ hidden: Variable, _ places: [Int]?, weight: any Operand, targets: [Int32], divisor: Double,
        transform: LogitTransform, blocks: VocabularyBlocks?
    ) -> [TokenScore?] {
        let (vocabulary, width) = (weight.rows, weight.columns)
        precondition(
            targets.count == places?.count ?? hidden.value.rows && width == hidden.value.columns,
            "\(targets.count) targets and [\(vocabulary), \(width)] weights for "
                + "[\(hidden.value.rows), \(hidden.value.columns)] rows")
        let asked = VocabularyTargets(targets, without: Self.ignoredLabel, places: places)
        for target in asked.words {
            precondition(target >= 0 && target < vocabulary, "target \(target) of \(vocabulary) words")
        }
        let kept = asked.rows
        let x = pool.matrix(rows: kept.count, columns: width)
        for (place, row) in kept.enumerated() {
            if transform.scale == 1 {
                x.row(place).update(from: hidden.value.row(row), count: width)
            } else {  // Of the products as well as of the rows, which are fewer numbers
                avk_scale(hidden.value.row(row), transform.scale, x.row(place), width, 0)
            }
        }
        let gradient = hidden.needsGradient ? pool.matrix(rows: kept.count, columns: width) : nil
        let weightGradient = isTraining ? self.gradient(of: weight) : nil
        let rule = weightGradient == nil ? VocabularyBlocks.passing : VocabularyBlocks.init(count:vocabulary:)
        let blocks = blocks ?? rule(kept.count, vocabulary)
        let shard = VocabularyShard(
            weight: weight, weightGradient: weightGradient, blocks: blocks, divisor: divisor,
            softCap: transform.softCap, pool: pool)
        // Of one size whatever the rows, so that what a shard asks of its pool grows with the rows or not at all.
        let most = rule(.max, vocabulary)
        let space = pool.matrix(
            rows: 1, columns: max(blocks.rows * blocks.words, most.rows * most.words))
        var scores = [TokenScore?](repeating: nil, count: targets.count)
        for start in stride(from: 0, to: kept.count, by: blocks.rows) {
            let rows = start..<min(start + blocks.rows, kept.count)
            func part(_ matrix: Matrix) -> Matrix {
                matrix.view(offset: start * width, rows: rows.count, columns: width)
            }
            pool.round(start) {
                let here = asked.of(rows)
                let found = shard.scores(
                    part(x), asked, here, first: start, gradient: gradient.map(part), in: space)
                for (place, score) in zip(here, found) { scores[asked.numbers[place]] = score }
            }
        }
        if let gradient { seedRows(hidden, kept, with: gradient, scale: transform.scale) }
        return scores
    }

    /// - Parameter gradient: of the rows `kept`, times `scale`; the others have none.
    private func seedRows(_ variable: Variable, _ kept: [Int], with gradient: Matrix, scale: Float) {
        recordLoss { [unowned self, place = variable.place] in
            guard let target = gradientTarget(of: place) else { return }
            if !target.accumulate { target.matrix.fill(0) }
            for (place, row) in kept.enumerated() {
                avk_scale(gradient.row(place), scale, target.matrix.row(row), gradient.columns, 1)
            }
        }
    }
}
