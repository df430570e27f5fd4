/// The path of a member such as `function.name` or `0`, as filters take in `attribute`.
struct MemberPath {
    private let keys: [Value]

    init(_ value: Value) throws {
        if let index = value.integer {
            keys = [.integer(index)]
            return
        }
        let text = try value.wantedText("the argument 'attribute'")
        keys = text.split(by: MarkedText("."), limit: -1).map { part in
            Int(part.string).map { .integer($0) } ?? .text(part)
        }
    }

    func value(in item: Value, default fallback: Value?, _ meter: Meter) throws -> Value {
        var value = item
        for key in keys {
            value = try value.item(key, meter)
            if value.isUndefined, let fallback, !fallback.isNone { value = fallback }
        }
        return value
    }
}

extension Value {
    /// For comparisons that ignore case: small letters of texts.
    func folded(_ isCaseSensitive: Bool) -> Value {
        if !isCaseSensitive, let text { .text(text.lowercased) } else { self }
    }
}
