import Foundation
import Messages

/// A JSON value. Two objects are equal when they have the same members, in whatever order.
package enum JSONValue: Sendable, Equatable {
    case null
    case bool(Bool)
    case number(Double)
    /// An integer beyond ±(2^53 − 1) as written: a `Double` may not hold it, and two of them may round to one.
    case largeInteger(String)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)

    /// The largest magnitude below which every integer has a `Double` of its own, 2^53 − 1.
    static let largestExactInteger = 9_007_199_254_740_991.0

    /// A number that is an integer; larger magnitudes than 2^53 − 1 are a programmer error.
    package init(_ integer: Int) {
        precondition(
            Double(integer).magnitude <= Self.largestExactInteger,
            "the integer \(integer) is beyond ±\(Self.largestExactInteger), write it as a string")
        self = .number(Double(integer))
    }

    /// The number, if it is an integer that a `Double` holds exactly (at most 2^53 − 1 in magnitude): 3 and
    /// 3.0, but neither 3.5 nor 9007199254740993.
    package var int: Int? {
        guard case .number(let value) = self, value.magnitude <= Self.largestExactInteger else { return nil }
        return Int(exactly: value)
    }

    /// The number, of a large integer the nearest.
    package var double: Double? {
        switch self {
        case .number(let value): value
        case .largeInteger(let digits): Double(digits)
        default: nil
        }
    }

    package var string: String? {
        if case .string(let value) = self { value } else { nil }
    }

    package var bool: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    package var array: [JSONValue]? {
        if case .array(let value) = self { value } else { nil }
    }

    package var object: JSONObject? {
        if case .object(let value) = self { value } else { nil }
    }

    package var isNull: Bool { self == .null }

    /// The member of an object; nil for a missing key, and for any other kind of value.
    package subscript(key: String) -> JSONValue? { object?[key] }

    /// The kind of value and, when it is short, the value: for messages.
    var summary: String {
        switch self {
        case .null: "null"
        case .bool(let value): "\(value)"
        case .number: text()
        case .largeInteger(let digits): oneLine(digits, limit: 40)
        case .string(let value): "the string \(quoted(value, limit: 40))"
        case .array(let values): "an array of \(values.count)"
        case .object(let members): "an object of \(members.count)"
        }
    }
}

/// The members of a JSON object, in the order they were read or set. No key occurs twice.
///
/// Keys are compared by their bytes. Swift's own `==` on `String` calls "é" and "e" + accent the same, yet a
/// vocabulary may hold both.
package struct JSONObject: Sendable, Equatable, ExpressibleByDictionaryLiteral {
    package private(set) var keys: [String] = []
    package private(set) var values: [JSONValue] = []
    /// Kept only once there are more members than a linear search is good for.
    private var positions: [ExactName: Int] = [:]
    private static let linearLimit = 8

    package init() {}

    /// A key given twice is a programmer error.
    package init(dictionaryLiteral members: (String, JSONValue)...) {
        for (key, value) in members {
            precondition(append(key, value), "the key \(quoted(key)) is given twice")
        }
    }

    package var count: Int { keys.count }
    package var isEmpty: Bool { keys.isEmpty }
    /// The members in order.
    package var members: [(key: String, value: JSONValue)] {
        zip(keys, values).map { (key: $0, value: $1) }
    }

    /// Setting nil removes the member; setting an existing key keeps its place.
    package subscript(key: String) -> JSONValue? {
        get { position(key).map { values[$0] } }
        set {
            switch (position(key), newValue) {
            case (let at?, let value?): values[at] = value
            case (nil, let value?): append(key, value)
            case (let at?, nil):
                keys.remove(at: at)
                values.remove(at: at)
                indexAll()
            case (nil, nil): break
            }
        }
    }

    package static func == (left: JSONObject, right: JSONObject) -> Bool {
        left.count == right.count && zip(left.keys, left.values).allSatisfy { right[$0] == $1 }
    }

    /// Adds a member at the end; false, and no change, when the key exists.
    @discardableResult
    mutating func append(_ key: String, _ value: JSONValue) -> Bool {
        if keys.count > Self.linearLimit {
            // One look into the table, since a vocabulary has many keys.
            let name = ExactName(key)
            if let known = positions.updateValue(keys.count, forKey: name) {
                positions[name] = known
                return false
            }
        } else if position(key) != nil {
            return false
        }
        keys.append(key)
        values.append(value)
        if keys.count == Self.linearLimit + 1 { indexAll() }
        return true
    }

    private func position(_ key: String) -> Int? {
        if keys.count > Self.linearLimit { return positions[ExactName(key)] }
        let name = ExactName(key)
        return keys.firstIndex { ExactName($0) == name }
    }

    private mutating func indexAll() {
        positions = [:]
        guard keys.count > Self.linearLimit else { return }
        for (at, key) in keys.enumerated() { positions[ExactName(key)] = at }
    }
}

/// A name compared and ordered by its UTF-8 bytes.
struct ExactName: Hashable, Comparable, Sendable {
    let text: String

    init(_ text: String) { self.text = text }

    static func == (left: ExactName, right: ExactName) -> Bool {
        // Equal bytes imply equal strings, so the fast comparison settles most cases.
        left.text == right.text && left.text.utf8.elementsEqual(right.text.utf8)
    }

    static func < (left: ExactName, right: ExactName) -> Bool {
        left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
    }

    func hash(into hasher: inout Hasher) {
        var copy = text
        copy.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}
