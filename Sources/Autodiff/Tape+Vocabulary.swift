import CVectorKernels
import Glibc
import Matrices

/// How large a part of the logits of a vocabulary exists at a time. The rule looks at sizes alone, so that the bits are the
/// same on any number of threads.
package struct VocabularyBlocks {
    package let rows: Int
    package let words: Int

    package init(rows: Int, words: Int) {
        self.rows = rows
        self.words = words
    }

    /// 32 MiB of logits: up to 262,144 words all of a row's, which are then computed once, and 32 to 256 rows, for
    /// products that keep their speed.
    package init(count: Int, vocabulary: Int) {
        let elements = 1 << 23
        let most = max(32, min(256, elements / max(vocabulary, 1) / 8 * 8))
        self.init(rows: max(1, min(count, most)), words: max(1, min(vocabulary, elements / most)))
    }
}

/// What a model says of the token that follows.
package struct TokenScore: Sendable, Equatable {
    /// −log of its probability
    package let loss: Double
    /// No word is more probable.
    package let isFirst: Bool

    package init(loss: Double, isFirst: Bool) { (self.loss, self.isFirst) = (loss, isFirst) }
}

extension Tape {
    /// Σ over rows of −log softmax(logits)[target], with logits = transform(hidden · weightᵀ), divided by `divisor` (the targets of the whole step, of which
    /// this shard holds a part). Rows whose target is `ignoredLabel` are left out before the product.
    ///
    /// The logits [rows, V] exist block by block: a first pass over the vocabulary finds each row's log-sum-exp (Milakov and
    /// Gimelshein 2018), summed in Double, a second one the gradient; it computes the logits again where they are more than
    /// one block (Wijmans et al. 2024, "Cut Your Losses in Large-Vocabulary Language Models").
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
        let asked = VocabularyTargets(targets, places: places)
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
        let blocks = blocks ?? VocabularyBlocks(count: kept.count, vocabulary: vocabulary)
        let shard = VocabularyShard(
            weight: weight, weightGradient: isTraining ? self.gradient(of: weight) : nil,
            blocks: blocks, divisor: divisor, softCap: transform.softCap, pool: pool)
        // Of one size whatever the rows, so that what a shard asks of its pool grows with the rows or not at all.
        let most = VocabularyBlocks(count: .max, vocabulary: vocabulary)
        let space = pool.matrix(rows: max(blocks.rows, most.rows), columns: max(blocks.words, most.words))
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
        recordLoss { [unowned self] in
            guard let target = gradientTarget(of: variable) else { return }
            if !target.accumulate { target.matrix.fill(0) }
            for (place, row) in kept.enumerated() {
                avk_scale(gradient.row(place), scale, target.matrix.row(row), gradient.columns, 1)
            }
        }
    }
}

/// The targets that count, by the rows which they are of.
private struct VocabularyTargets {
    /// Rows of the hidden ones that have a target, each once
    let rows: [Int]
    /// Of each target, row by row: its place in `rows`, the word, and its number among all targets
    let places: [Int]
    let words: [Int]
    let numbers: [Int]

    /// - Parameter places: the row of each target; nil for its own number.
    init(_ targets: [Int32], places: [Int]?) {
        var numbers = targets.indices.filter { targets[$0] != Tape.ignoredLabel }
        guard let places else {
            (rows, self.places, self.numbers) = (numbers, Array(numbers.indices), numbers)
            words = numbers.map { Int(targets[$0]) }
            return
        }
        numbers.sort { (places[$0], $0) < (places[$1], $1) }
        var (rows, found): ([Int], [Int]) = ([], [])
        for number in numbers {
            if rows.last != places[number] { rows.append(places[number]) }
            found.append(rows.count - 1)
        }
        (self.rows, self.places, self.numbers) = (rows, found, numbers)
        words = numbers.map { Int(targets[$0]) }
    }

    /// The targets of some of the rows
    func of(_ rows: Range<Int>) -> Range<Int> {
        let first = places.firstIndex { $0 >= rows.lowerBound } ?? places.count
        return first..<(places[first...].firstIndex { $0 >= rows.upperBound } ?? places.count)
    }
}

/// The losses of a shard's rows, some rows at a time.
private struct VocabularyShard {
    /// [V, C]
    let weight: any Operand
    /// Added to
    let weightGradient: Matrix?
    let blocks: VocabularyBlocks
    let divisor: Double
    let softCap: Float?
    let pool: BufferPool

    /// Starts of the blocks of the vocabulary
    private var starts: StrideTo<Int> { stride(from: 0, to: weight.rows, by: blocks.words) }

    /// - Parameters:
    ///   - x: [R, C], with a target each or several
    ///   - here: the targets of these rows.
    ///   - first: the place of the first of them.
    ///   - gradient: [R, C], written; nil where none is wanted
    ///   - space: for a block of logits at least.
    /// - Returns: the scores of these targets.
    func scores(
        _ x: Matrix, _ asked: VocabularyTargets, _ here: Range<Int>, first: Int, gradient: Matrix?,
        in space: Matrix
    ) -> [TokenScore] {
        let targets = here.map { (row: asked.places[$0] - first, word: asked.words[$0]) }
        var top = [Float](repeating: -.infinity, count: x.rows)
        var sum = [Double](repeating: 0, count: x.rows)
        var known = [Float](repeating: 0, count: targets.count)
        for start in starts {
            let logits = logits(x, from: start, in: space)
            avk_log_sum_exp_rows(logits.pointer, &top, &sum, x.rows, logits.columns)
            for (place, target) in targets.enumerated()
            where (start..<start + logits.columns).contains(target.word) {
                known[place] = logits.row(target.row)[target.word - start]
            }
        }
        let scores = targets.enumerated().map { place, target in
            TokenScore(
                loss: log(sum[target.row]) - Double(known[place] - top[target.row]),
                isFirst: known[place] >= top[target.row])
        }
        guard gradient != nil || weightGradient != nil else { return scores }
        // Of a row its targets' gradients add up.
        var weights = [Double](repeating: 0, count: x.rows)
        for target in targets { weights[target.row] += 1 }
        let factors = zip(sum, weights).map { Float($1 / ($0 * divisor)) }
        for start in starts {
            let isThere = start == 0 && weight.rows <= blocks.words
            let block =
                isThere
                ? space.view(offset: 0, rows: x.rows, columns: weight.rows)
                : logits(x, from: start, in: space)
            if let softCap {
                avk_exp_rows_capped(block.pointer, top, factors, softCap, x.rows, block.columns)
            } else {
                avk_exp_rows(block.pointer, top, factors, x.rows, block.columns)
            }
            for (place, target) in targets.enumerated()
            where (start..<start + block.columns).contains(target.word) {
                block.row(target.row)[target.word - start] -= Float(1 / divisor) * slope(at: known[place])
            }
            if let gradient {
                weight.multiply(
                    block, rows: words(from: start), into: gradient, adding: start > 0, pool: pool)
            }
            if let weightGradient {
                Product.transposedMultiply(block, x, into: weightGradient.rows(words(from: start)), beta: 1)
            }
        }
        return scores
    }

    /// Of the cap, where its result is a logit.
    private func slope(at logit: Float) -> Float {
        guard let softCap else { return 1 }
        return 1 - (logit / softCap) * (logit / softCap)
    }

    /// x[R, C] · words[W, C]ᵀ, capped
    private func logits(_ x: Matrix, from start: Int, in space: Matrix) -> Matrix {
        let words = words(from: start)
        let logits = space.view(offset: 0, rows: x.rows, columns: words.count)
        weight.multiplyTransposed(x, rows: words, into: logits, pool: pool)
        if let softCap { avk_soft_cap(logits.pointer, 1, softCap, logits.count) }
        return logits
    }

    private func words(from start: Int) -> Range<Int> { start..<min(start + blocks.words, weight.rows) }
}
