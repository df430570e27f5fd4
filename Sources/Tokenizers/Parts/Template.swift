/// The special tokens around one text or two, and the type ids.
struct Template: Sendable, Equatable {
    enum Part: Sendable, Equatable {
        case special([Int32], type: Int32)
        case first(type: Int32)
        case second(type: Int32)
    }

    let single: [Part]
    let pair: [Part]

    /// `A` and `A B`
    static let plain = Template(single: [.first(type: 0)], pair: [.first(type: 0), .second(type: 1)])

    /// `[CLS] A [SEP]` and `[CLS] A [SEP] B [SEP]`, with type 1 from B on.
    static func bert(start: Int32, end: Int32) -> Template {
        let single: [Part] = [.special([start], type: 0), .first(type: 0), .special([end], type: 0)]
        return Template(single: single, pair: single + [.second(type: 1), .special([end], type: 1)])
    }

    /// `<s> A </s>` and `<s> A </s></s> B </s>`, all of type 0.
    static func roberta(start: Int32, end: Int32) -> Template {
        let single: [Part] = [.special([start], type: 0), .first(type: 0), .special([end], type: 0)]
        let more: [Part] = [.special([end], type: 0), .second(type: 0), .special([end], type: 0)]
        return Template(single: single, pair: single + more)
    }

    /// Whether a token gets another type than 0.
    var hasTypes: Bool { self != withoutTypes }

    /// The same tokens, all of type 0.
    var withoutTypes: Template {
        func plain(_ parts: [Part]) -> [Part] {
            parts.map { part in
                switch part {
                case .special(let ids, _): .special(ids, type: 0)
                case .first: .first(type: 0)
                case .second: .second(type: 0)
                }
            }
        }
        return Template(single: plain(single), pair: plain(pair))
    }

    /// The ids of its tokens.
    var ids: [Int32] {
        (single + pair).flatMap { part in
            if case .special(let ids, _) = part { ids } else { [Int32]() }
        }
    }

    func parts(isPair: Bool) -> [Part] { isPair ? pair : single }

    func specialTokenCount(isPair: Bool) -> Int {
        parts(isPair: isPair).reduce(0) { count, part in
            if case .special(let ids, _) = part { count + ids.count } else { count }
        }
    }
}
