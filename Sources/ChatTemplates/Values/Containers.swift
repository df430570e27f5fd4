/// The items of a list or tuple. Templates cannot change them: the sandbox is the immutable one.
struct ValueList {
    let items: [Value]
    let depth: Int

    init(_ items: [Value]) {
        self.items = items
        depth = 1 + items.reduce(0) { max($0, $1.depth) }
    }
}

/// Keys and values in the order of their first setting.
struct ValueDictionary {
    private(set) var keys: [Value] = []
    private(set) var values: [Value] = []
    private(set) var depth = 1
    private var places: [ValueKey: Int] = [:]

    var count: Int { keys.count }

    init() {}

    init(capacity: Int) {
        keys.reserveCapacity(capacity)
        values.reserveCapacity(capacity)
        places.reserveCapacity(capacity)
    }

    subscript(key: ValueKey) -> Value? { places[key].map { values[$0] } }

    subscript(name: String) -> Value? { self[ValueKey(name)] }

    /// - Throws: `Fault` for a key that Python cannot hash.
    mutating func set(_ key: Value, _ value: Value, _ meter: Meter) throws {
        depth = max(depth, 1 + max(value.depth, key.depth))
        let hashed = try ValueKey(key, meter)
        if let place = places[hashed] {
            values[place] = value
        } else {
            places[hashed] = keys.count
            keys.append(key)
            values.append(value)
        }
    }

    /// Key and value of each member as tuples.
    var pairs: [Value] { zip(keys, values).map { .tuple([$0, $1]) } }
}

/// A value as a key: equal numbers of different types are one key.
enum ValueKey: Hashable {
    case none
    case undefined
    case number(Double)
    case integer(Int)
    case digits(String)
    case text([Unicode.Scalar])
    case tuple([ValueKey])
    case range(count: Int, start: Int, step: Int)
    case object(ObjectIdentifier)
    case function(String)

    init(_ name: String) { self = .text(Array(name.unicodeScalars)) }

    /// - Throws: `Fault` for a value that Python cannot hash.
    init(_ value: Value, _ meter: Meter) throws {
        try meter.charge((value.text?.count ?? 0) / 8)
        switch value.kind {
        case .none: self = .none
        case .undefined: self = .undefined
        case .bool(let truth): self = .integer(truth ? 1 : 0)
        case .integer(let number): self = .integer(number)
        case .largeInteger(let digits): self = .digits(digits)
        case .float(let number): self = Int(exactly: number).map { .integer($0) } ?? .number(number)
        case .text(let text): self = .text(text.scalars)
        case .tuple(let list): self = .tuple(try list.items.map { try ValueKey($0, meter) })
        case .namespace(let object): self = .object(ObjectIdentifier(object))
        case .loop(let object): self = .object(ObjectIdentifier(object))
        case .macro(let object): self = .object(ObjectIdentifier(object))
        case .iterator(let object): self = .object(ObjectIdentifier(object))
        case .function(let name): self = .function(name)
        case .range(let range):
            self = .range(
                count: range.count, start: range.count > 0 ? range.start : 0,
                step: range.count > 1 ? range.step : 0)
        case .list, .dictionary, .view, .method:
            throw Fault.evaluation("unhashable type: '\(value.typeName)'")
        }
    }
}

/// Python's `range`.
struct ValueRange {
    /// As in Jinja2's sandbox.
    static let longest = 100_000
    let start: Int
    let stop: Int
    let step: Int
    let count: Int

    init(start: Int, stop: Int, step: Int) throws {
        guard step != 0 else { throw Fault.evaluation("range() arg 3 must not be zero") }
        let (distance, overflow) = stop.subtractingReportingOverflow(start)
        let isEmpty = step > 0 ? stop <= start : stop >= start
        // Between limits of the sign of the step, and rounded up.
        let length = isEmpty ? 0 : Int(clamping: (distance.magnitude - 1) / step.magnitude + 1)
        guard isEmpty || !overflow, length <= Self.longest else {
            throw Fault.limit("a range of more than \(Self.longest) numbers, as Jinja2's sandbox allows")
        }
        self.start = start
        self.stop = stop
        self.step = step
        count = length
    }

    var values: [Int] { (0..<count).map { start + $0 * step } }

    /// Ranges are equal when their numbers are.
    func equals(_ other: ValueRange) -> Bool {
        count == other.count && (count == 0 || start == other.start && (count == 1 || step == other.step))
    }
}
