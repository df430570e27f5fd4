/// How much a template may ask for: it comes with a model, so from anyone.
package struct ChatTemplateLimits: Sendable {
    /// Bytes of source.
    package var sourceBytes: Int
    /// Blocks, brackets and operators inside one another in the source.
    package var sourceDepth: Int
    /// Steps of rendering in all; texts and lists cost by their lengths.
    package var operations: Int
    /// Rounds of all loops together.
    package var iterations: Int
    /// Unicode scalars of any text, the rendered one too.
    package var characters: Int
    /// UTF-8 bytes of the rendered text.
    package var outputBytes: Int
    /// Evaluations inside one another, calls of macros too.
    package var depth: Int
    /// Lists and objects inside one another.
    package var valueDepth: Int

    package init(
        sourceBytes: Int = 1 << 20, sourceDepth: Int = 100, operations: Int = 20_000_000,
        iterations: Int = 1_000_000, characters: Int = 8 << 20, outputBytes: Int = 16 << 20, depth: Int = 400,
        valueDepth: Int = 100
    ) {
        self.sourceBytes = sourceBytes
        self.sourceDepth = sourceDepth
        self.operations = operations
        self.iterations = iterations
        self.characters = characters
        self.outputBytes = outputBytes
        self.depth = depth
        self.valueDepth = valueDepth
    }
}

/// Counts what a rendering uses against its limits.
final class Meter {
    let limits: ChatTemplateLimits
    private var operations = 0
    private var iterations = 0
    private var depth = 0

    init(_ limits: ChatTemplateLimits) { self.limits = limits }

    func charge(_ count: Int = 1) throws {
        operations += max(count, 1)
        guard operations <= limits.operations else {
            throw Fault.limit("rendering takes more than \(limits.operations) steps")
        }
    }

    func iterate() throws {
        iterations += 1
        guard iterations <= limits.iterations else {
            throw Fault.limit("the loops take more than \(limits.iterations) rounds")
        }
    }

    func checkLength(_ count: Int) throws {
        guard count <= limits.characters else {
            throw Fault.limit("a text grows beyond \(limits.characters) characters")
        }
    }

    /// Pays for a text of so many Unicode scalars before it is made.
    func checkText(_ count: Int) throws {
        try checkLength(count)
        try charge(count / 4)
    }

    func enter() throws {
        depth += 1
        guard depth <= limits.depth else {
            throw Fault.limit("evaluations are nested deeper than \(limits.depth) levels")
        }
    }

    func leave() { depth -= 1 }

    func checkDepth(of value: Int) throws {
        guard value <= limits.valueDepth else {
            throw Fault.limit("lists and objects are nested deeper than \(limits.valueDepth) levels")
        }
    }
}
