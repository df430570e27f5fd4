import Autodiff
import Synchronization

/// For each row of a batch the row of a table that turns it.
struct RotaryRows: Sendable {
    let table: RotaryTable
    let rows: [Int32]
    /// Where the rows stand in their sequences
    let positions: [Int32]
}

/// The table of a scheme, made again only where a sequence needs a row that it lacks. What a position has depends on the
/// length of its own sequence at most, never on how long others are.
final class RotaryTables: Sendable {
    private let scheme: RotaryScheme
    private let known = Mutex<Known?>(nil)

    private struct Known {
        /// By the form of frequencies: the first row, and how many there are.
        let segments: [Int: (first: Int, rows: Int)]
        let table: RotaryTable
    }

    init(_ scheme: RotaryScheme) { self.scheme = scheme }

    /// Whether positions of a sequence of so many rows turn otherwise than those of a shorter one.
    func turnsOtherwise(_ length: Int, than shorter: Int) -> Bool {
        scheme.form(length: length) != scheme.form(length: shorter)
    }

    func rows(_ sequences: [SequencePart]) -> RotaryRows {
        var needed: [Int: Int] = [:]
        for sequence in sequences {
            needed[scheme.form(length: sequence.length), default: 1].formMaximum(sequence.length)
        }
        let known = known.withLock { known in
            if let known, needed.allSatisfy({ known.segments[$0]?.rows ?? 0 >= $1 }) { return known }
            let made = make(needed, like: known)
            known = made
            return made
        }
        var (rows, positions): ([Int32], [Int32]) = ([], [])
        for sequence in sequences {
            let first = known.segments[scheme.form(length: sequence.length)]?.first ?? 0
            for position in sequence.positions {
                rows.append(Int32(first + position))
                positions.append(Int32(position))
            }
        }
        return RotaryRows(table: known.table, rows: rows, positions: positions)
    }

    /// A segment that grows grows by half at least, since sequences that are written token by token ask each time; two
    /// forms are kept both.
    private func make(_ needed: [Int: Int], like old: Known?) -> Known {
        var lengths = needed
        for (form, segment) in old?.segments ?? [:] {
            if let length = lengths[form] {
                lengths[form] = length > segment.rows ? max(length, segment.rows * 3 / 2) : segment.rows
            } else if form < 2 && needed.keys.allSatisfy({ $0 < 2 }) {
                lengths[form] = segment.rows
            }
        }
        var segments: [Int: (first: Int, rows: Int)] = [:]
        var first = 0
        let made = lengths.sorted { $0.key < $1.key }.map { form, rows in
            segments[form] = (first, rows)
            first += rows
            return RotaryTable.Segment(frequencies: scheme.frequencies(form: form), longest: rows)
        }
        return Known(
            segments: segments, table: RotaryTable(made, factor: scheme.factor, pairs: scheme.pairs))
    }
}

extension Int {
    fileprivate mutating func formMaximum(_ other: Int) { self = Swift.max(self, other) }
}
