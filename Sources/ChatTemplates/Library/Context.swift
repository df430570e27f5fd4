/// What filters, tests and functions may ask of the rendering they are part of.
protocol Context: AnyObject {
    var meter: Meter { get }
    var clock: ChatClock? { get }

    func call(_ function: Value, _ arguments: Arguments) throws -> Value
    func filter(_ name: String, _ value: Value, _ arguments: Arguments) throws -> Value
    func test(_ name: String, _ value: Value, _ arguments: Arguments) throws -> Bool
    /// A namespace that is emptied when the rendering ends.
    func makeNamespace(_ members: [String: Value]) -> Value
}

typealias Filter = @Sendable (Value, Arguments, any Context) throws -> Value
typealias ValueTest = @Sendable (Value, Arguments, any Context) throws -> Bool
typealias TemplateFunction = @Sendable (Arguments, any Context) throws -> Value

/// The arguments of a call, evaluated.
struct Arguments {
    var positional: [Value] = []
    var keywords: [(name: String, value: Value)] = []

    /// The arguments by parameter, in the order of `names`; nil for those not given.
    ///
    /// - Throws: `Fault` for too many arguments, unknown names and arguments given twice.
    func bound(_ names: String..., of function: String) throws -> [Value?] {
        guard positional.count <= names.count else {
            throw Fault.evaluation(
                "\(function) takes at most \(names.count) arguments, but \(positional.count) are given")
        }
        var values: [Value?] = positional + Array(repeating: nil, count: names.count - positional.count)
        for (name, value) in keywords {
            guard let place = names.firstIndex(of: name) else {
                throw Fault.evaluation("\(function) got an unexpected argument '\(name)'")
            }
            guard values[place] == nil else {
                throw Fault.evaluation("\(function) got several values for '\(name)'")
            }
            values[place] = value
        }
        return values
    }

    func checkNone(of function: String) throws { _ = try bound(of: function) }
}

/// Arguments of a kind, or a `Fault` that says which is wanted.
extension Value {
    func wantedText(_ what: String) throws -> MarkedText {
        if let text { return text }
        if case .undefined(let problem) = kind { throw Fault.evaluation(problem) }
        throw Fault.evaluation("\(what) must be str, not \(typeName)")
    }

    func wantedInteger(_ what: String) throws -> Int {
        if let integer { return integer }
        if case .undefined(let problem) = kind { throw Fault.evaluation(problem) }
        if case .largeInteger = kind { throw Fault.largeInteger }
        throw Fault.evaluation("\(what) must be int, not \(typeName)")
    }
}

/// A required argument.
func required(_ value: Value?, _ name: String, of function: String) throws -> Value {
    guard let value else { throw Fault.evaluation("\(function) lacks its argument '\(name)'") }
    return value
}
