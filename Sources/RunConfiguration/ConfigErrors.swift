/// All that is wrong with a configuration.
public struct ConfigErrors: Error, Sendable, Equatable, CustomStringConvertible {
    /// At least one; each is a single line that says where, what, and what to try.
    public let problems: [String]

    /// The problems, one a line.
    public var description: String { problems.joined(separator: "\n") }
}

/// A configuration, and what in it has no effect.
public struct LoadedConfig: Sendable, Equatable {
    public let config: RunConfig
    /// Each a single line for a person to see.
    public let warnings: [String]
}

/// What is wrong with one value; whoever knows where the value stands adds the place.
struct ValueProblem: Error {
    let what: String
    let advice: String

    init(_ what: String, _ advice: String) {
        self.what = what
        self.advice = advice
    }
}

/// Problems in the order found. Past a limit they are only counted: a wrong file can have thousands.
struct ProblemList {
    static let limit = 100
    private(set) var lines: [String] = []
    private var unlisted = 0

    var isEmpty: Bool { lines.isEmpty }

    mutating func add(_ line: String) {
        if lines.count < Self.limit { lines.append(line) } else { unlisted += 1 }
    }

    mutating func add(_ other: ProblemList) {
        for line in other.lines { add(line) }
        unlisted += other.unlisted
    }

    /// Every problem, and a last line that counts the unlisted ones.
    var summary: [String] {
        unlisted == 0 ? lines : lines + ["and \(unlisted) more problems; mend the first ones"]
    }
}

/// Text from outside made fit for a one-line message: shortened, with control characters escaped.
func shown(_ text: String, limit: Int = 60) -> String {
    var result = ""
    for scalar in text.unicodeScalars.prefix(limit) {
        result += isPlainlyVisible(scalar) ? String(scalar) : "\\u{\(String(scalar.value, radix: 16))}"
    }
    return text.unicodeScalars.count > limit ? result + "…" : result
}

/// `shown` in quotes.
func quoted(_ text: String) -> String { "'\(shown(text))'" }

/// False for control characters, line and paragraph separators and invisible formatting such as a byte order
/// mark: these break a line or hide, and YAML forbids many of them outside escapes.
func isPlainlyVisible(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned, .surrogate: false
    default: true
    }
}
