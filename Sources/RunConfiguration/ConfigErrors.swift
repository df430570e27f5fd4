/// All that is wrong with a configuration.
package struct ConfigErrors: Error, Sendable, Equatable, CustomStringConvertible {
    /// At least one; each is a single line that says where, what, and what to try.
    package let problems: [String]

    /// The problems, one a line.
    package var description: String { problems.joined(separator: "\n") }
}

/// A configuration, and what in it has no effect.
package struct LoadedConfig: Sendable, Equatable {
    package let config: RunConfig
    /// Each a single line for a person to see.
    package let warnings: [String]
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
