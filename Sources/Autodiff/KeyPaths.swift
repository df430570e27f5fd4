/// Which rows of k and v the query rows of each sequence see where sequences have rows in common: runs of rows, which lie
/// one after the other in the sequence's path and anywhere in k and v.
package struct KeyPaths: Sendable, Equatable {
    package struct Run: Sendable, Equatable {
        /// Of k and v
        package let rows: Range<Int>
        /// Of the first of them in the path
        package let place: Int

        var places: Range<Int> { place..<place + rows.count }
    }

    /// Those of all sequences, in the order of their paths
    package private(set) var runs: [Run] = []
    /// Where the runs of each sequence begin in `runs`, and the end: B + 1 entries.
    package private(set) var starts = [0]

    package init() {}

    var sequences: Int { starts.count - 1 }
    /// One more than the last row of k and v that somebody sees
    var end: Int { runs.reduce(0) { max($0, $1.rows.upperBound) } }

    func runs(of sequence: Int) -> ArraySlice<Run> { runs[starts[sequence]..<starts[sequence + 1]] }

    /// Rows that the last query row of a sequence sees, L
    func length(_ sequence: Int) -> Int { runs(of: sequence).last?.places.upperBound ?? 0 }

    /// One more sequence, whose path these rows are.
    ///
    /// - Parameter path: not empty
    package mutating func append(_ path: [Range<Int>]) {
        var place = 0
        for rows in path where !rows.isEmpty {
            if place > 0, let last = runs.last, last.rows.upperBound == rows.lowerBound {
                runs[runs.count - 1] = Run(rows: last.rows.lowerBound..<rows.upperBound, place: last.place)
            } else {
                runs.append(Run(rows: rows, place: place))
            }
            place += rows.count
        }
        precondition(place > 0, "a path of no rows")
        starts.append(runs.count)
    }

    /// The same behind `count` rows that every path begins with, the first ones of k and v.
    package func behind(_ count: Int) -> KeyPaths {
        var paths = KeyPaths()
        for sequence in 0..<sequences {
            paths.append(
                [0..<count]
                    + runs(of: sequence).map { $0.rows.lowerBound + count..<$0.rows.upperBound + count })
        }
        return paths
    }
}
