import CVectorKernels
import Glibc
import Matrices

/// What a model that was tuned says of the token that follows, beside what it said before.
package struct TokenDrift: Sendable, Equatable, Codable {
    /// −log p(token) before
    package let baseLoss: Double
    /// −log q(token) now
    package let loss: Double
    /// KL(p ‖ q) = Σ over words of p · log(p / q), in nats
    package let divergence: Double
    /// The most probable word is the same; of equally probable ones the first counts.
    package let isSame: Bool

    package init(baseLoss: Double, loss: Double, divergence: Double, isSame: Bool) {
        self.baseLoss = baseLoss
        self.loss = loss
        self.divergence = divergence
        self.isSame = isSame
    }
}

/// Hidden rows [T, C] and the output matrix [V, C] that makes logits of them.
package struct VocabularyRows {
    package let hidden: Matrix
    package let weight: any Operand

    package init(hidden: Matrix, weight: any Operand) { (self.hidden, self.weight) = (hidden, weight) }
}

extension Tape {
    /// Compares two models' next words token by token, from logits = transform(hidden · weightᵀ) of each. Both logits exist in
    /// blocks of rows, and of words where a vocabulary is too large for one; sums over words are in Double. Nothing goes
    /// backward.
    ///
    /// - Parameters:
    ///   - targets: the token that follows each row.
    ///   - blocks: nil for those of the rule; tests give others.
    package func vocabularyDrift(
        from base: VocabularyRows, to tuned: VocabularyRows, targets: [Int32], transform: LogitTransform,
        blocks: VocabularyBlocks? = nil
    ) -> [TokenDrift] {
        let vocabulary = base.weight.rows
        precondition(
            base.hidden.rows == targets.count && tuned.hidden.rows == targets.count
                && tuned.weight.rows == vocabulary
                && targets.allSatisfy { $0 >= 0 && $0 < vocabulary },
            "\(targets.count) targets for \(base.hidden.rows) and \(tuned.hidden.rows) rows of \(vocabulary) words"
        )
        let blocks = blocks ?? VocabularyBlocks(count: targets.count, vocabulary: vocabulary)
        let pair = [base, tuned].map {
            LogitBlocks(
                rows: $0, transform: transform,
                space: pool.matrix(rows: blocks.rows, columns: blocks.words), words: blocks.words, pool: pool)
        }
        var found: [TokenDrift] = []
        for start in stride(from: 0, to: targets.count, by: blocks.rows) {
            let rows = start..<min(start + blocks.rows, targets.count)
            pool.round(start) {
                found += drift(pair[0], pair[1], rows, targets: targets[rows].map { Int($0) })
            }
        }
        return found
    }

    private func drift(_ base: LogitBlocks, _ tuned: LogitBlocks, _ rows: Range<Int>, targets: [Int])
        -> [TokenDrift]
    {
        let (before, now) = (base.sums(rows, targets: targets), tuned.sums(rows, targets: targets))
        var divergences = [Double](repeating: 0, count: rows.count)
        base.forEachBlock(rows) { start, logits in
            let others = tuned.logits(rows, from: start)
            for row in 0..<rows.count {
                let (p, q) = (logits.row(row), others.row(row))
                var sum = 0.0
                for word in 0..<logits.columns {
                    let logP = Double(p[word]) - before[row].logSum
                    let probability = exp(logP)
                    // A word that never comes has no part in it, however improbable it is now.
                    if probability != 0 { sum += probability * (logP - (Double(q[word]) - now[row].logSum)) }
                }
                divergences[row] += sum
            }
        }
        return rows.indices.map { index in
            let row = index - rows.lowerBound
            return TokenDrift(
                baseLoss: before[row].logSum - Double(before[row].target),
                loss: now[row].logSum - Double(now[row].target), divergence: divergences[row],
                isSame: before[row].first == now[row].first)
        }
    }
}

/// Logits of some rows, some words at a time.
private struct LogitBlocks {
    let rows: VocabularyRows
    let transform: LogitTransform
    /// For a block
    let space: Matrix
    let words: Int
    let pool: BufferPool

    struct Sums {
        /// log Σ exp(logit)
        let logSum: Double
        /// The logit of the token that follows
        let target: Float
        /// The most probable word
        let first: Int
    }

    func sums(_ range: Range<Int>, targets: [Int]) -> [Sums] {
        var top = [Float](repeating: -.infinity, count: range.count)
        var sum = [Double](repeating: 0, count: range.count)
        var known = [Float](repeating: 0, count: range.count)
        var best = [(word: Int, logit: Float)](repeating: (0, -.infinity), count: range.count)
        forEachBlock(range) { start, logits in
            avk_log_sum_exp_rows(logits.pointer, &top, &sum, range.count, logits.columns)
            for row in 0..<range.count {
                let values = logits.row(row)
                for word in 0..<logits.columns where values[word] > best[row].logit {
                    best[row] = (start + word, values[word])
                }
                let place = targets[row] - start
                if (0..<logits.columns).contains(place) { known[row] = values[place] }
            }
        }
        return range.indices.map { index in
            let row = index - range.lowerBound
            return Sums(logSum: Double(top[row]) + log(sum[row]), target: known[row], first: best[row].word)
        }
    }

    func forEachBlock(_ range: Range<Int>, _ body: (_ start: Int, _ logits: Matrix) -> Void) {
        for start in stride(from: 0, to: rows.weight.rows, by: words) {
            body(start, logits(range, from: start))
        }
    }

    func logits(_ range: Range<Int>, from start: Int) -> Matrix {
        let some = start..<min(start + words, rows.weight.rows)
        let logits = space.view(offset: 0, rows: range.count, columns: some.count)
        rows.weight.multiplyTransposed(rows.hidden.rows(range), rows: some, into: logits, pool: pool)
        if let cap = transform.softCap {
            avk_soft_cap(logits.pointer, transform.scale, cap, logits.count)
        } else if transform.scale != 1 {
            for index in 0..<logits.count { logits.pointer[index] *= transform.scale }
        }
        return logits
    }
}
