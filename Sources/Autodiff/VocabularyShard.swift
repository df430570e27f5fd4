import CVectorKernels
import Glibc
import Matrices

/// The targets that count, by the rows which they are of.
struct VocabularyTargets {
    /// Rows of the hidden ones that have a target, each once
    let rows: [Int]
    /// Of each target, row by row: its place in `rows`, the word, and its number among all targets
    let places: [Int]
    let words: [Int]
    let numbers: [Int]

    /// - Parameters:
    ///   - ignored: what stands for no target.
    ///   - places: the row of each target; nil for its own number.
    init(_ targets: [Int32], without ignored: Int32, places: [Int]?) {
        var numbers = targets.indices.filter { targets[$0] != ignored }
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
package struct VocabularyShard {
    /// [V, C]
    let weight: any Operand
    /// Added to
    let weightGradient: Matrix?
    let blocks: VocabularyBlocks
    let divisor: Double
    let softCap: Float?
    let pool: BufferPool

    /// The start of each block of the vocabulary. All ask the same of the pool.
    private func forEachBlock(_ body: (Int) -> Void) {
        var read = 0
        for start in stride(from: 0, to: weight.rows, by: blocks.words) {
            pool.round(start) { body(start) }
            read += blocks.words * weight.columns
            if read >= Self.elementsHeld {
                weight.leave()
                read = 0
            }
        }
        weight.leave()
    }

    /// Weights that are read before a matrix which is read in passing is left.
    package static let elementsHeld = 1 << 24

    /// A row of a block and the word that follows it
    typealias Target = (row: Int, word: Int)

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
        var found = VocabularySums(rows: x.rows, targets: targets.count)
        if let weightGradient {
            sum(x, targets, into: &found, in: space)
            addGradients(x, targets, found, to: gradient, and: weightGradient, in: space)
        } else if let gradient {
            pass(x, targets, into: &found, gradient: gradient, in: space)
        } else {
            sum(x, targets, into: &found, in: space)
        }
        return targets.enumerated().map { found.score(of: $1, known: found.known[$0]) }
    }

    /// Sums, logits of targets and no gradient.
    private func sum(_ x: Matrix, _ targets: [Target], into found: inout VocabularySums, in space: Matrix) {
        forEachBlock { start in
            let logits = logits(x, from: start, in: space)
            avk_log_sum_exp_rows(logits.pointer, &found.top, &found.sum, x.rows, logits.columns)
            for (place, target) in targets.enumerated()
            where (start..<start + logits.columns).contains(target.word) {
                found.known[place] = logits.row(target.row)[target.word - start]
            }
        }
    }

    /// All in one pass over the vocabulary: gradient[R, C] = Σ over words of exp(logit − largest so far) · word, shrunk when a
    /// larger one comes, divided by the sum at the end. Targets are left out of it: their share less 1 is added then, which
    /// keeps its digits where a target is nearly certain.
    private func pass(
        _ x: Matrix, _ targets: [Target], into found: inout VocabularySums, gradient: Matrix, in space: Matrix
    ) {
        var shrink = [Float](repeating: 1, count: x.rows)
        forEachBlock { start in
            let logits = logits(x, from: start, in: space)
            let words = start..<start + logits.columns
            for (place, target) in targets.enumerated() where words.contains(target.word) {
                found.known[place] = logits.row(target.row)[target.word - start]
            }
            avk_exp_rows_online(
                logits.pointer, &found.top, &found.sum, &shrink, softCap ?? 0, x.rows, logits.columns)
            for target in targets where words.contains(target.word) {
                logits.row(target.row)[target.word - start] = 0
            }
            for row in 0..<x.rows where start > 0 && shrink[row] != 1 {
                avk_scale(gradient.row(row), shrink[row], gradient.row(row), gradient.columns, 0)
            }
            weight.multiply(
                logits, rows: self.words(from: start), into: gradient, adding: start > 0, pool: pool)
        }
        let factors = factors(targets, found)
        for row in 0..<x.rows {
            avk_scale(gradient.row(row), factors[row], gradient.row(row), gradient.columns, 0)
        }
        addTargets(targets, found, factors, to: gradient)
    }

    /// gradient[row] += (its probability · the row's targets − how often it is the target) / divisor · word, for each word that
    /// a row has as a target.
    private func addTargets(
        _ targets: [Target], _ found: VocabularySums, _ factors: [Float], to gradient: Matrix
    ) {
        let some = 64
        let words = pool.matrix(rows: some, columns: weight.columns)
        for start in stride(from: 0, to: targets.count, by: some) {
            let part = start..<min(start + some, targets.count)
            weight.gather(
                part.map { Int32(targets[$0].word) },
                into: words.view(offset: 0, rows: part.count, columns: weight.columns), adding: false,
                pool: pool)
            weight.leave()
            for place in part {
                let (target, logit) = (targets[place], found.known[place])
                // A word that a row has twice counts twice as a target and once as a word.
                let isFirst = !targets[..<place].reversed().prefix { $0.row == target.row }.contains {
                    $0.word == target.word
                }
                let share =
                    isFirst
                    ? Double(factors[target.row]) * exp(Double(logit) - Double(found.top[target.row])) : 0
                avk_scale(
                    words.row(place - start), Float(share - 1 / divisor) * slope(at: logit),
                    gradient.row(target.row), weight.columns, 1)
            }
        }
    }

    /// Of a row its targets' gradients add up.
    private func factors(_ targets: [Target], _ found: VocabularySums) -> [Float] {
        var weights = [Double](repeating: 0, count: found.sum.count)
        for target in targets { weights[target.row] += 1 }
        return zip(found.sum, weights).map { Float($1 / ($0 * divisor)) }
    }

    /// A second pass, where every row's sum is known.
    private func addGradients(
        _ x: Matrix, _ targets: [Target], _ found: VocabularySums, to gradient: Matrix?,
        and weightGradient: Matrix, in space: Matrix
    ) {
        let factors = factors(targets, found)
        forEachBlock { start in
            let isThere = start == 0 && weight.rows <= blocks.words
            let block =
                isThere
                ? space.view(offset: 0, rows: x.rows, columns: weight.rows)
                : logits(x, from: start, in: space)
            if let softCap {
                avk_exp_rows_capped(block.pointer, found.top, factors, softCap, x.rows, block.columns)
            } else {
                avk_exp_rows(block.pointer, found.top, factors, x.rows, block.columns)
            }
            for (place, target) in targets.enumerated()
            where (start..<start + block.columns).contains(target.word) {
                block.row(target.row)[target.word - start] -=
                    Float(1 / divisor) * slope(at: found.known[place])
            }
            if let gradient {
                weight.multiply(
                    block, rows: words(from: start), into: gradient, adding: start > 0, pool: pool)
            }
            Product.transposedMultiply(block, x, into: weightGradient.rows(words(from: start)), beta: 1)
        }
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

/// What a pass over the vocabulary finds of each row, and of each target.
private struct VocabularySums {
    /// The largest logit so far
    var top: [Float]
    /// Σ exp(logit − top)
    var sum: [Double]
    /// The logit of each target
    var known: [Float]

    init(rows: Int, targets: Int) {
        top = Array(repeating: -.infinity, count: rows)
        sum = Array(repeating: 0, count: rows)
        known = Array(repeating: 0, count: targets)
    }

    func score(of target: VocabularyShard.Target, known: Float) -> TokenScore {
        TokenScore(
            loss: log(sum[target.row]) - Double(known - top[target.row]), isFirst: known >= top[target.row])
    }
}
