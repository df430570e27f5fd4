/// A trie over scalars, for looking up all texts that begin at one place in a single walk. Node 0 is the root.
struct ScalarTrie: Sendable {
    private var children: [UInt64: Int32] = [:]
    /// The entry that ends at each node, or −1.
    private var entries: [Int32] = [-1]

    init(capacity: Int) { children.reserveCapacity(capacity) }

    /// Of equal texts the last counts; an empty text is none.
    mutating func insert(_ text: some Sequence<Unicode.Scalar>, _ entry: Int32) {
        var node: Int32 = 0
        for scalar in text {
            let key = Self.key(node, scalar)
            if let child = children[key] {
                node = child
            } else {
                node = Int32(entries.count)
                children[key] = node
                entries.append(-1)
            }
        }
        if node != 0 { entries[Int(node)] = entry }
    }

    func child(of node: Int32, _ scalar: Unicode.Scalar) -> Int32? { children[Self.key(node, scalar)] }

    /// nil where only longer texts go on.
    func entry(at node: Int32) -> Int32? { entries[Int(node)] < 0 ? nil : entries[Int(node)] }

    private static func key(_ node: Int32, _ scalar: Unicode.Scalar) -> UInt64 {
        UInt64(node) << 32 | UInt64(scalar.value)
    }
}
