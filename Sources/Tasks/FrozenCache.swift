import Matrices
import Synchronization

/// Rows that a model's frozen layers make of the sequences of a data set, kept from step to step.
///
/// A row has the same bits whether it is kept or made again, so that it does not matter which rows there is room for.
package final class FrozenCache: Sendable {
    /// Of one sequence
    package struct Entry: Sendable {
        /// How many layers made them
        package let layers: Int
        /// [N, C]: what the next layer reads of each token or, after all layers, the rows that somebody reads.
        package let rows: Matrix
    }

    /// Memory that the caches of several data sets share.
    package final class Room: Sendable {
        /// Bytes
        package let limit: Int
        private let taken = Mutex(0)

        package init(limit: Int) { self.limit = limit }

        package var used: Int { taken.withLock { $0 } }

        /// In place of `before`, which was taken; false, and nothing has changed, where there is no room for it.
        fileprivate func take(_ bytes: Int, inPlaceOf before: Int) -> Bool {
            taken.withLock { taken in
                guard taken - before + bytes <= limit else { return false }
                taken += bytes - before
                return true
            }
        }
    }

    private let room: Room
    private let entries: Mutex<[Entry?]>

    /// - Parameter count: of sequences.
    package init(count: Int, room: Room) {
        self.room = room
        entries = Mutex(Array(repeating: nil, count: count))
    }

    /// What is kept of these sequences that so many layers made, or fewer.
    package func entries(of members: [Int], after layers: Int) -> [Entry?] {
        entries.withLock { entries in
            members.map { member in entries[member].flatMap { $0.layers <= layers ? $0 : nil } }
        }
    }

    /// Those of which nothing is kept that so many layers made, or fewer.
    func missing(of members: some Collection<Int>, after layers: Int) -> [Int] {
        entries.withLock { entries in
            members.filter { member in entries[member].map { $0.layers > layers } ?? true }
        }
    }

    /// Keeps a copy, where there is room for it, in the place of what fewer or more layers made.
    package func keep(_ rows: Matrix, after layers: Int, of member: Int) {
        entries.withLock { entries in
            let before = entries[member]
            if before?.layers == layers { return }
            guard room.take(Self.bytes(rows), inPlaceOf: before.map { Self.bytes($0.rows) } ?? 0) else {
                return
            }
            entries[member] = Entry(layers: layers, rows: Matrix(copying: rows))
        }
    }

    private static func bytes(_ rows: Matrix) -> Int { rows.count * MemoryLayout<Float>.size }
}
