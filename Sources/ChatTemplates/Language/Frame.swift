/// Statements with variables of their own: a template, the body of a loop, macro, or block.
///
/// Jinja2 decides for each frame as a whole where its names come from. A name that is set there without having been
/// read there before is undefined until then, also inside of inner frames, unless a frame around it names it: it does
/// not stand for what the template is given (`jinja2.idtracking`).
struct Frame: Sendable {
    let statements: [Statement]
    /// Names that are set before they are read, and not in a branch only.
    let setFirst: Set<String>
    /// All names that the frame itself reads or sets.
    let names: Set<String>

    /// - Parameters:
    ///   - targets: what the frame starts with: the target of a loop, parameters of a macro.
    ///   - defaults: of the parameters; the frame reads them first.
    init(_ statements: [Statement], targets: Set<String> = [], defaults: [Expression] = []) {
        self.statements = statements
        var uses = NameUses(read: targets)
        for value in defaults { uses.visit(value) }
        uses.visit(statements)
        setFirst = uses.setFirst
        names = uses.read.union(uses.setFirst)
    }
}

/// Which names statements use, without those of frames inside them.
private struct NameUses {
    /// Names that were read first, or set in branches.
    var read: Set<String>
    var setFirst: Set<String> = []

    init(read: Set<String>) { self.read = read }

    private mutating func load(_ name: String) {
        if !setFirst.contains(name) { read.insert(name) }
    }

    private mutating func store(_ name: String) {
        if !read.contains(name) { setFirst.insert(name) }
    }

    private mutating func store(_ target: Target) {
        switch target {
        case .name(let name): store(name)
        case .namespaceMember(let name, _): load(name)
        case .tuple(let targets): for target in targets { store(target) }
        }
    }

    mutating func visit(_ statements: [Statement]) {
        for statement in statements { visit(statement) }
    }

    private mutating func visit(_ statement: Statement) {
        switch statement.kind {
        case .text, .generation, .breakLoop, .continueLoop: break
        case .print(let expression): visit(expression)
        case .conditional(let branches, let otherwise): visit(branches, otherwise)
        case .loop(let loop): visit(loop.items)
        case .assignment(let target, let value):
            visit(value)
            store(target)
        case .blockAssignment(let target, _, _): store(target)
        case .macro(let definition): store(definition.name)
        case .callBlock(let call, _): visit(call)
        case .filterBlock(let filters, _): for filter in filters { visit(filter.arguments) }
        case .with(let assignments, _): for (_, value) in assignments { visit(value) }
        }
    }

    /// What branches set may come from outside, since another way leaves it as it is.
    private mutating func visit(
        _ branches: [(test: Expression, body: [Statement])], _ otherwise: [Statement]
    ) {
        let before = self
        for branch in branches {
            visit(branch.test)
            merge(branch.body, from: before)
        }
        merge(otherwise, from: before)
    }

    private mutating func merge(_ branch: [Statement], from before: NameUses) {
        var inside = before
        inside.read = read
        inside.visit(branch)
        read.formUnion(inside.read.union(inside.setFirst).subtracting(before.setFirst))
    }

    private mutating func visit(_ arguments: CallArguments) {
        for argument in arguments.positional { visit(argument) }
        for argument in arguments.keywords { visit(argument.value) }
    }

    mutating func visit(_ expression: Expression) {
        if case .name(let name) = expression.kind { load(name) }
        for inner in expression.parts { visit(inner) }
    }
}

extension Expression {
    /// The expressions inside this one.
    fileprivate var parts: [Expression] {
        switch kind {
        case .none, .bool, .integer, .float, .text, .name: []
        case .list(let items), .tuple(let items), .concatenation(let items): items
        case .dictionary(let members): members.flatMap { [$0.key, $0.value] }
        case .attribute(let base, _), .negative(let base), .positive(let base), .not(let base): [base]
        case .item(let base, let key): [base, key]
        case .slice(let base, let start, let stop, let step): [base] + [start, stop, step].compactMap { $0 }
        case .call(let base, let arguments), .filter(let base, _, let arguments),
            .test(let base, _, let arguments):
            [base] + arguments.positional + arguments.keywords.map(\.value)
        case .and(let left, let right), .or(let left, let right), .arithmetic(let left, _, let right):
            [left, right]
        case .comparison(let left, let rest): [left] + rest.map(\.1)
        case .conditional(let test, let then, let otherwise): [test, then] + (otherwise.map { [$0] } ?? [])
        }
    }
}
