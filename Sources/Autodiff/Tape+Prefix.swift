import CVectorKernels
import Matrices

extension Tape {
    /// out[T + B·N, C]: the rows of prefix[N, C] before those of each of the B sequences of x[T, C].
    ///
    /// - Parameter offsets: where the sequences begin in x, and the end: B + 1 entries.
    package func prepending(_ prefix: Variable, to x: Variable, offsets: [Int]) -> Variable {
        let columns = x.columns
        precondition(prefix.columns == columns, "a prefix of \(prefix.columns) columns before \(columns)")
        let shape = PrefixedRows(prefix.rows, offsets, columns)
        shape.check(rows: x.rows)
        let out = output(
            rows: x.rows + shape.sequences * prefix.rows, columns: columns,
            needsGradient: prefix.needsGradient || x.needsGradient)
        shape.forEachSequence { sequence in
            (out.value.pointer + sequence.prefix).update(
                from: prefix.value.pointer, count: prefix.rows * columns)
            (out.value.pointer + sequence.whole).update(
                from: x.value.pointer + sequence.own, count: sequence.count)
        }
        record(out) { [unowned self, prefix = prefix.place, x = x.place] g in
            if let target = gradientTarget(of: prefix) {
                if !target.accumulate { target.matrix.fill(0) }
                shape.forEachSequence {
                    avk_add(g.pointer + $0.prefix, target.matrix.pointer, target.matrix.count)
                }
            }
            guard let target = gradientTarget(of: x) else { return }
            shape.forEachSequence {
                Self.move(
                    g.pointer + $0.whole, to: target.matrix.pointer + $0.own, $0.count, target.accumulate)
            }
        }
        return out
    }

    /// out[T, C]: x[T + B·N, C] without the first N rows of each of its B sequences.
    ///
    /// - Parameter offsets: where the sequences begin in the result, and the end: B + 1 entries.
    package func withoutPrefix(of rows: Int, _ x: Variable, offsets: [Int]) -> Variable {
        let columns = x.columns
        let shape = PrefixedRows(rows, offsets, columns)
        shape.check(rows: x.rows - shape.sequences * rows)
        let out = output(
            rows: x.rows - shape.sequences * rows, columns: columns, needsGradient: x.needsGradient)
        shape.forEachSequence { sequence in
            (out.value.pointer + sequence.own).update(
                from: x.value.pointer + sequence.whole, count: sequence.count)
        }
        record(out) { [unowned self, x = x.place] g in
            guard let target = gradientTarget(of: x) else { return }
            shape.forEachSequence { sequence in
                if !target.accumulate {
                    (target.matrix.pointer + sequence.prefix).update(repeating: 0, count: rows * columns)
                }
                Self.move(
                    g.pointer + sequence.own, to: target.matrix.pointer + sequence.whole, sequence.count,
                    target.accumulate)
            }
        }
        return out
    }

    private static func move(
        _ source: UnsafePointer<Float>, to place: UnsafeMutablePointer<Float>, _ count: Int, _ adding: Bool
    ) {
        if adding { avk_add(source, place, count) } else { place.update(from: source, count: count) }
    }
}

/// Where the elements of sequences lie that have rows of a prefix before them, and where without.
private struct PrefixedRows {
    private let prefix: Int
    private let offsets: [Int]
    private let columns: Int

    init(_ prefix: Int, _ offsets: [Int], _ columns: Int) {
        self.prefix = prefix
        self.offsets = offsets
        self.columns = columns
    }

    var sequences: Int { offsets.count - 1 }

    func check(rows: Int) {
        precondition(
            offsets.first == 0 && offsets.last == rows && zip(offsets, offsets.dropFirst()).allSatisfy(<=),
            "offsets \(offsets) do not cut \(rows) rows into sequences")
    }

    /// First elements, and how many.
    struct Sequence {
        /// Of the rows of the prefix.
        let prefix: Int
        /// Of the others behind them.
        let whole: Int
        /// Of these where there is no prefix.
        let own: Int
        let count: Int
    }

    func forEachSequence(_ body: (Sequence) -> Void) {
        for number in 0..<sequences {
            let own = offsets[number] * columns
            let start = own + number * prefix * columns
            body(
                Sequence(
                    prefix: start, whole: start + prefix * columns, own: own,
                    count: offsets[number + 1] * columns - own))
        }
    }
}
