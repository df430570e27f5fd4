/// Filters on lists and dictionaries.
enum ListFilters {
    static let all: [String: Filter] = [
        "count": length,
        "d": fallback,
        "default": fallback,
        "dictsort": dictsort,
        "first": first,
        "items": items,
        "last": last,
        "length": length,
        "list": list,
        "map": map,
        "max": { try extreme("max", $0, $1, $2) },
        "min": { try extreme("min", $0, $1, $2) },
        "reject": { try choose($0, $1, $2, byMember: false, keeping: false) },
        "rejectattr": { try choose($0, $1, $2, byMember: true, keeping: false) },
        "reverse": reverse,
        "select": { try choose($0, $1, $2, byMember: false, keeping: true) },
        "selectattr": { try choose($0, $1, $2, byMember: true, keeping: true) },
        "sort": sort,
        "unique": unique,
    ]

    @Sendable private static func length(_ value: Value, _ arguments: Arguments, _ context: any Context)
        throws
        -> Value
    {
        try arguments.checkNone(of: "length")
        guard let length = value.length else {
            throw Fault.evaluation("object of type '\(value.typeName)' has no len()")
        }
        return .integer(length)
    }

    @Sendable private static func fallback(_ value: Value, _ arguments: Arguments, _ context: any Context)
        throws
        -> Value
    {
        let bound = try arguments.bound("default_value", "boolean", of: "default")
        let isMissing = value.isUndefined || (bound[1]?.isTrue == true && !value.isTrue)
        return isMissing ? bound[0] ?? .text("") : value
    }

    @Sendable private static func dictsort(_ value: Value, _ arguments: Arguments, _ context: any Context)
        throws
        -> Value
    {
        let bound = try arguments.bound("case_sensitive", "by", "reverse", of: "dictsort")
        guard case .dictionary(let dictionary) = value.kind else {
            throw Fault.evaluation("dictsort needs a dict, not \(value.typeName)")
        }
        let by = try bound[1]?.wantedText("the argument 'by' of dictsort").string ?? "key"
        guard by == "key" || by == "value" else {
            throw Fault.evaluation("You can only sort by either \"key\" or \"value\"")
        }
        let isCaseSensitive = bound[0]?.isTrue ?? false
        let sorted = try Value.sorted(
            dictionary.pairs, descending: bound[2]?.isTrue ?? false, context.meter
        ) {
            try $0.item(.integer(by == "key" ? 0 : 1), context.meter).folded(isCaseSensitive)
        }
        return .list(sorted, isData: value.isData)
    }

    @Sendable private static func first(_ value: Value, _ arguments: Arguments, _ context: any Context) throws
        -> Value
    {
        try arguments.checkNone(of: "first")
        return try value.items(context.meter).first ?? .undefined("No first item, sequence was empty.")
    }

    @Sendable private static func last(_ value: Value, _ arguments: Arguments, _ context: any Context) throws
        -> Value
    {
        try arguments.checkNone(of: "last")
        if case .iterator = value.kind { throw Fault.evaluation("'generator' object is not reversible") }
        return try value.items(context.meter).last ?? .undefined("No last item, sequence was empty.")
    }

    @Sendable private static func items(_ value: Value, _ arguments: Arguments, _ context: any Context) throws
        -> Value
    {
        try arguments.checkNone(of: "items")
        switch value.kind {
        case .undefined: return .iterator([])
        case .dictionary(let dictionary):
            try context.meter.charge(dictionary.count)
            return .iterator(dictionary.pairs, isData: value.isData)
        default: throw Fault.evaluation("Can only get item pairs from a mapping, not from \(value.typeName)")
        }
    }

    @Sendable private static func list(_ value: Value, _ arguments: Arguments, _ context: any Context) throws
        -> Value
    {
        try arguments.checkNone(of: "list")
        return .list(try value.items(context.meter), isData: value.isData)
    }

    @Sendable private static func reverse(_ value: Value, _ arguments: Arguments, _ context: any Context)
        throws
        -> Value
    {
        try arguments.checkNone(of: "reverse")
        if let text = value.text {
            try context.meter.checkText(text.count)
            return .text(text.picked(text.scalars.indices.reversed()))
        }
        return .iterator(try value.items(context.meter).reversed(), isData: value.isData)
    }

    @Sendable private static func map(_ value: Value, _ arguments: Arguments, _ context: any Context) throws
        -> Value
    {
        let items = value.isTrue ? try value.items(context.meter) : []
        guard let name = arguments.positional.first else {
            let bound = try arguments.bound("attribute", "default", of: "map")
            let path = try MemberPath(try required(bound[0], "attribute", of: "map"))
            let values = try items.map { try path.value(in: $0, default: bound[1], context.meter) }
            return .iterator(values, isData: value.isData)
        }
        let filter = try name.wantedText("the filter of map").string
        let rest = Arguments(
            positional: Array(arguments.positional.dropFirst()), keywords: arguments.keywords)
        return .iterator(try items.map { try context.filter(filter, $0, rest) }, isData: value.isData)
    }

    /// `select`, `reject` and both by a member: with the name of a test, or whether something is true.
    private static func choose(
        _ value: Value, _ arguments: Arguments, _ context: any Context, byMember: Bool, keeping: Bool
    ) throws -> Value {
        var positional = arguments.positional[...]
        var path: MemberPath?
        if byMember {
            guard let member = positional.popFirst() else {
                throw Fault.evaluation("Missing parameter for attribute name")
            }
            path = try MemberPath(member)
        }
        let test = try positional.popFirst()?.wantedText("the name of a test").string
        let rest = Arguments(positional: Array(positional), keywords: arguments.keywords)
        let items = value.isTrue ? try value.items(context.meter) : []
        let chosen = try items.filter { item in
            try context.meter.charge()
            let tested = try path?.value(in: item, default: nil, context.meter) ?? item
            return try (test.map { try context.test($0, tested, rest) } ?? tested.isTrue) == keeping
        }
        return .iterator(chosen, isData: value.isData)
    }

    @Sendable private static func sort(_ value: Value, _ arguments: Arguments, _ context: any Context) throws
        -> Value
    {
        let bound = try arguments.bound("reverse", "case_sensitive", "attribute", of: "sort")
        let isCaseSensitive = bound[1]?.isTrue ?? false
        // Several members, by commas, sort by the first, then by the next.
        var paths: [MemberPath] = []
        if let attribute = bound[2], !attribute.isNone {
            if let text = attribute.text {
                paths = try text.split(by: MarkedText(","), limit: -1).map { try MemberPath(.text($0)) }
            } else {
                paths = [try MemberPath(attribute)]
            }
        }
        let sorted = try Value.sorted(
            try value.items(context.meter), descending: bound[0]?.isTrue ?? false, context.meter
        ) { item in
            guard !paths.isEmpty else { return item.folded(isCaseSensitive) }
            return .list(
                try paths.map { try $0.value(in: item, default: nil, context.meter).folded(isCaseSensitive) })
        }
        return .list(sorted, isData: value.isData)
    }

    @Sendable private static func unique(_ value: Value, _ arguments: Arguments, _ context: any Context)
        throws
        -> Value
    {
        let bound = try arguments.bound("case_sensitive", "attribute", of: "unique")
        let path = try bound[1].flatMap { $0.isNone ? nil : try MemberPath($0) }
        var seen: Set<ValueKey> = []
        let items = try value.items(context.meter).filter { item in
            let key = try path?.value(in: item, default: nil, context.meter) ?? item
            return seen.insert(try ValueKey(key.folded(bound[0]?.isTrue ?? false), context.meter)).inserted
        }
        return .iterator(items, isData: value.isData)
    }

    private static func extreme(
        _ name: String, _ value: Value, _ arguments: Arguments, _ context: any Context
    ) throws -> Value {
        let bound = try arguments.bound("case_sensitive", "attribute", of: name)
        let path = try bound[1].flatMap { $0.isNone ? nil : try MemberPath($0) }
        func key(_ item: Value) throws -> Value {
            try (path?.value(in: item, default: nil, context.meter) ?? item).folded(bound[0]?.isTrue ?? false)
        }
        let items = try value.items(context.meter)
        guard var best = items.first else { return .undefined("No aggregated item, sequence was empty.") }
        for item in items.dropFirst() {
            let (new, old) = (try key(item), try key(best))
            let isBetter =
                try name == "min"
                ? new.isLess(than: old, context.meter) : old.isLess(than: new, context.meter)
            if isBetter { best = item }
        }
        return best
    }
}
