/// A part of an expression.
indirect enum ExpressionTree {
    /// One scalar of a set, by its number.
    case scalar(Int)
    case sequence([ExpressionTree])
    case choice([ExpressionTree])
    /// `maximum` nil is without end; a lazy one takes as few as it can.
    case repetition(ExpressionTree, minimum: Int, maximum: Int?, isLazy: Bool)
    /// As many as there are of one set, none given back.
    case run(set: Int, minimum: Int, maximum: Int?)
    case look(ExpressionTree, isNegative: Bool)
    case lineEnd

    /// The most scalars that it may take; nil is without end.
    var longest: Int? {
        switch self {
        case .scalar: return 1
        case .look, .lineEnd: return 0
        case .sequence(let parts):
            return parts.reduce(0) { sum, part in sum.flatMap { sum in part.longest.map { sum + $0 } } }
        case .choice(let parts):
            return parts.reduce(0) { most, part in most.flatMap { most in part.longest.map { max(most, $0) } }
            }
        case .repetition(let part, _, let maximum, _):
            return maximum.flatMap { maximum in part.longest.map { $0 * maximum } }
        case .run(_, _, let maximum): return maximum
        }
    }
}

/// Makes instructions of a tree; repetitions become as many copies.
struct ExpressionCompiler {
    /// In scalars; looking further would take a time that grows with the square of a text.
    static let longestLook = 64
    private static let mostInstructions = 4_000
    /// The matcher has a bit for each at each place of a text.
    private static let mostBranches = 256

    private(set) var instructions: [Expression.Instruction] = []
    private(set) var branches = 0

    mutating func compile(_ tree: ExpressionTree) throws(ExpressionError) {
        try add(tree)
        try emit(.accept)
    }

    private mutating func emit(_ instruction: Expression.Instruction) throws(ExpressionError) {
        guard instructions.count < Self.mostInstructions else {
            throw ExpressionError(what: "more than \(Self.mostInstructions) steps")
        }
        instructions.append(instruction)
    }

    /// A branch whose ways are set later.
    private mutating func emitBranch() throws(ExpressionError) -> (place: Int, number: Int) {
        guard branches < Self.mostBranches else {
            throw ExpressionError(what: "more than \(Self.mostBranches) branches")
        }
        try emit(.accept)
        branches += 1
        return (instructions.count - 1, branches - 1)
    }

    private mutating func add(_ tree: ExpressionTree) throws(ExpressionError) {
        switch tree {
        case .scalar(let set): try emit(.scalar(set))
        case .sequence(let parts): for part in parts { try add(part) }
        case .choice(let parts): try add(choice: parts[...])
        case .run(let set, let minimum, let maximum):
            try emit(.run(set: set, minimum: minimum, maximum: maximum ?? .max))
        case .lineEnd: try emit(.lineEnd)
        case .repetition(let part, let minimum, let maximum, let isLazy):
            try add(repetition: part, minimum, maximum, isLazy)
        case .look(let part, let isNegative):
            guard let longest = part.longest, longest < Self.longestLook else {
                throw ExpressionError(what: "looking ahead further than \(Self.longestLook) characters")
            }
            try emit(.accept)
            let (place, first) = (instructions.count - 1, branches)
            try add(part)
            try emit(.accept)
            instructions[place] = .look(
                isNegative: isNegative, branches: first..<branches, next: instructions.count)
        }
    }

    private mutating func add(choice parts: ArraySlice<ExpressionTree>) throws(ExpressionError) {
        guard let first = parts.first else { return }
        if parts.count == 1 { return try add(first) }
        let branch = try emitBranch()
        try add(first)
        try emit(.accept)
        let leave = instructions.count - 1
        instructions[branch.place] = .branch(
            branch.number, first: branch.place + 1, second: instructions.count)
        try add(choice: parts.dropFirst())
        instructions[leave] = .jump(instructions.count)
    }

    private mutating func add(
        repetition part: ExpressionTree, _ minimum: Int, _ maximum: Int?, _ isLazy: Bool
    ) throws(ExpressionError) {
        for _ in 0..<minimum { try add(part) }
        var branchesOut: [(place: Int, number: Int)] = []
        for _ in minimum..<(maximum ?? minimum + 1) {
            let branch = try emitBranch()
            branchesOut.append(branch)
            try add(part)
            if maximum == nil { try emit(.jump(branch.place)) }
        }
        for branch in branchesOut {
            let (inside, outside) = (branch.place + 1, instructions.count)
            instructions[branch.place] = .branch(
                branch.number, first: isLazy ? outside : inside, second: isLazy ? inside : outside)
        }
    }
}
