/// Comparisons, as Python's operators make them.
extension Value {
    /// `self == other`.
    func equals(_ other: Value, _ meter: Meter) throws -> Bool {
        try meter.charge()
        switch (kind, other.kind) {
        case (.undefined, .undefined), (.none, .none): return true
        case (.text(let left), .text(let right)):
            try meter.charge(min(left.count, right.count) / 8)
            return left == right
        case (.largeInteger(let left), .largeInteger(let right)): return left == right
        case (.list(let left), .list(let right)), (.tuple(let left), .tuple(let right)):
            guard left.items.count == right.items.count else { return false }
            for (mine, theirs) in zip(left.items, right.items) where try !mine.equals(theirs, meter) {
                return false
            }
            return true
        case (.dictionary(let left), .dictionary(let right)):
            guard left.count == right.count else { return false }
            for (key, value) in zip(left.keys, left.values) {
                guard let theirs = right[try ValueKey(key, meter)], try value.equals(theirs, meter) else {
                    return false
                }
            }
            return true
        case (.range(let left), .range(let right)): return left.equals(right)
        case (.namespace(let left), .namespace(let right)): return left === right
        case (.iterator(let left), .iterator(let right)): return left === right
        case (.loop(let left), .loop(let right)): return left === right
        case (.macro(let left), .macro(let right)): return left === right
        case (.function(let left), .function(let right)): return left == right
        default:
            if let left = integer, let right = other.integer { return left == right }
            if let left = double, let right = other.double { return left == right }
            return false
        }
    }

    /// `self < other`.
    func isLess(than other: Value, _ meter: Meter) throws -> Bool {
        try meter.charge()
        switch (kind, other.kind) {
        case (.text(let left), .text(let right)):
            try meter.charge(min(left.count, right.count) / 8)
            return left < right
        case (.list(let left), .list(let right)), (.tuple(let left), .tuple(let right)):
            for (mine, theirs) in zip(left.items, right.items) where try !mine.equals(theirs, meter) {
                return try mine.isLess(than: theirs, meter)
            }
            return left.items.count < right.items.count
        case (.undefined(let what), _), (_, .undefined(let what)): throw Fault.evaluation(what)
        case (.largeInteger, _), (_, .largeInteger): throw Fault.largeInteger
        default:
            if let left = integer, let right = other.integer { return left < right }
            if let left = double, let right = other.double { return left < right }
            throw Fault.evaluation(
                "'<' not supported between instances of '\(typeName)' and '\(other.typeName)'")
        }
    }

    /// `self <= other`; not the opposite of `other < self`, since NaN is neither.
    func isAtMost(_ other: Value, _ meter: Meter) throws -> Bool {
        if try isLess(than: other, meter) { return true }
        return try equals(other, meter)
    }

    /// `item in self`.
    func contains(_ item: Value, _ meter: Meter) throws -> Bool {
        switch kind {
        case .text(let text):
            guard let part = item.text else {
                throw Fault.evaluation(
                    "'in <string>' requires string as left operand, not \(item.typeName)")
            }
            try meter.charge((text.count + part.count) / 8)
            return text.contains(part)
        case .dictionary(let dictionary): return dictionary[try ValueKey(item, meter)] != nil
        case .undefined, .list, .tuple, .view, .range, .iterator, .loop:
            for member in try items(meter) where try member.equals(item, meter) { return true }
            return false
        default: throw Fault.evaluation("argument of type '\(typeName)' is not iterable")
        }
    }

    /// Sorted as Python's `sorted` does: equal keys keep their order, also from large to small.
    static func sorted(
        _ items: [Value], descending: Bool, _ meter: Meter, by key: (Value) throws -> Value
    ) throws -> [Value] {
        let keyed = try items.enumerated().map {
            (place: $0.offset, item: $0.element, key: try key($0.element))
        }
        return try keyed.sorted { left, right in
            let (first, second) = descending ? (right.key, left.key) : (left.key, right.key)
            if try first.isLess(than: second, meter) { return true }
            if try second.isLess(than: first, meter) { return false }
            return left.place < right.place
        }.map(\.item)
    }
}
