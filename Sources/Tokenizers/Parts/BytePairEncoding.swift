/// Byte pair encoding (Sennrich et al. 2016): a word's scalars, merged pair by pair, the earliest merge of the
/// list first.
struct BytePairEncoding: Sendable {
    struct Merge: Sendable {
        let rank: Int32
        let id: Int32
    }

    let unknownID: Int32?
    /// Takes neighboring unknown scalars as one.
    let fusesUnknown: Bool
    /// A word of the vocabulary is one token, whatever the merges say.
    let wholeWords: [[UInt8]: Int32]
    let alphabet: [Unicode.Scalar: Int32]
    /// Of the last scalar of a word, whose token may spell the end of the word too ("a</w>"); `alphabet` where none does.
    let lastAlphabet: [Unicode.Scalar: Int32]
    /// The token of each byte ("<0x0A>"), when scalars without a token fall back to them; empty otherwise.
    let byteIDs: [Int32?]
    private let merges: [UInt64: Merge]

    init(
        alphabet: [Unicode.Scalar: Int32], merges: [(left: Int32, right: Int32, id: Int32)],
        unknownID: Int32?,
        fusesUnknown: Bool, wholeWords: [[UInt8]: Int32], byteIDs: [Int32?] = [],
        lastAlphabet: [Unicode.Scalar: Int32]? = nil
    ) {
        self.alphabet = alphabet
        self.lastAlphabet = lastAlphabet ?? alphabet
        self.byteIDs = byteIDs
        self.unknownID = unknownID
        self.fusesUnknown = fusesUnknown
        self.wholeWords = wholeWords
        var table: [UInt64: Merge] = [:]
        table.reserveCapacity(merges.count)
        for (rank, merge) in merges.enumerated() {
            table[Self.key(merge.left, merge.right)] = Merge(rank: Int32(rank), id: merge.id)
        }
        self.merges = table
    }

    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    /// Appends the ids of one word.
    func encode(_ word: ArraySlice<LocatedScalar>, into output: inout TokenList) {
        if !wholeWords.isEmpty {
            let bytes = word.flatMap { Array(UTF8.encode($0.scalar) ?? .init()) }
            if let id = wholeWords[bytes] {
                output.append(id, word)
                return
            }
        }
        var symbols = symbols(word)
        if symbols.count > 1 { merge(&symbols) }
        append(symbols, of: word, to: &output)
    }

    private struct Symbol {
        var id: Int32
        /// UTF-8 bytes of the word; 0 once it went into the symbol before it.
        var size: Int
        var previous: Int
        var next: Int
    }

    private func symbols(_ word: ArraySlice<LocatedScalar>) -> [Symbol] {
        var symbols: [Symbol] = []
        symbols.reserveCapacity(word.count)
        func add(_ id: Int32, _ size: Int) {
            let index = symbols.count
            symbols.append(Symbol(id: id, size: size, previous: index - 1, next: index + 1))
        }
        var unknownSize = 0
        for (index, located) in zip(word.indices, word) {
            let size = UTF8.width(located.scalar)
            let isLast = index == word.endIndex - 1
            if let id = isLast ? lastAlphabet[located.scalar] : alphabet[located.scalar] {
                if let unknownID, unknownSize > 0 { add(unknownID, unknownSize) }
                unknownSize = 0
                add(id, size)
            } else if let bytes = bytes(of: located.scalar) {
                // Unknown scalars before them come after them, as in the library.
                for id in bytes { add(id, 1) }
            } else if let unknownID {
                if unknownSize > 0 && !fusesUnknown {
                    add(unknownID, unknownSize)
                    unknownSize = 0
                }
                unknownSize += size
            }
        }
        if let unknownID, unknownSize > 0 { add(unknownID, unknownSize) }
        return symbols
    }

    /// nil where one of its bytes has no token.
    private func bytes(of scalar: Unicode.Scalar) -> [Int32]? {
        guard byteIDs.count == 256, let bytes = UTF8.encode(scalar) else { return nil }
        var ids: [Int32] = []
        for byte in bytes {
            guard let id = byteIDs[Int(byte)] else { return nil }
            ids.append(id)
        }
        return ids
    }

    /// Merges by a queue of candidates, since a long word would take quadratic time without.
    private func merge(_ symbols: inout [Symbol]) {
        var queue = MergeQueue()
        func propose(_ left: Int, _ right: Int) {
            guard let merge = merges[Self.key(symbols[left].id, symbols[right].id)] else { return }
            queue.insert(MergeQueue.Entry(rank: merge.rank, position: Int32(left), id: merge.id))
        }
        for left in 0..<(symbols.count - 1) { propose(left, left + 1) }
        while let best = queue.removeFirst() {
            let left = Int(best.position)
            let right = symbols[left].next
            // An entry is stale when one of its symbols has changed since.
            guard symbols[left].size > 0, right < symbols.count,
                merges[Self.key(symbols[left].id, symbols[right].id)]?.id == best.id
            else { continue }
            symbols[left].id = best.id
            symbols[left].size += symbols[right].size
            symbols[right].size = 0
            let next = symbols[right].next
            symbols[left].next = next
            if next < symbols.count {
                symbols[next].previous = left
                propose(left, next)
            }
            if symbols[left].previous >= 0 { propose(symbols[left].previous, left) }
        }
    }

    /// The library adds up the sizes of the symbols to find their places. Scalars without a symbol have none,
    /// so all behind them shift.
    private func append(_ symbols: [Symbol], of word: ArraySlice<LocatedScalar>, to output: inout TokenList) {
        var index = word.startIndex
        var scalarEnd = word.first.map { UTF8.width($0.scalar) } ?? 0
        var end = 0
        func advance(to byte: Int) {
            while scalarEnd <= byte, index + 1 < word.endIndex {
                index += 1
                scalarEnd += UTF8.width(word[index].scalar)
            }
        }
        for symbol in symbols where symbol.size > 0 {
            advance(to: end)
            let first = index
            end += symbol.size
            advance(to: end - 1)
            output.append(symbol.id, word[first...index])
        }
    }
}

/// A binary heap: the lowest rank first, and of one rank the leftmost.
struct MergeQueue {
    struct Entry {
        let rank: Int32
        let position: Int32
        let id: Int32

        func precedes(_ other: Entry) -> Bool {
            rank != other.rank ? rank < other.rank : position < other.position
        }
    }

    private var entries: [Entry] = []

    mutating func insert(_ entry: Entry) {
        entries.append(entry)
        var child = entries.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard entries[child].precedes(entries[parent]) else { return }
            entries.swapAt(child, parent)
            child = parent
        }
    }

    mutating func removeFirst() -> Entry? {
        guard let first = entries.first, let last = entries.popLast() else { return nil }
        if entries.isEmpty { return first }
        entries[0] = last
        var parent = 0
        while true {
            var best = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < entries.count {
                if entries[child].precedes(entries[best]) { best = child }
            }
            if best == parent { return first }
            entries.swapAt(best, parent)
            parent = best
        }
    }
}
