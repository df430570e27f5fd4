/// Replaces a text, or what one of a few regular expressions matches. A match is replaced as a whole, and the
/// new text stands at the place of the match's last scalar.
struct Replacement: TextNormalizer {
    enum Pattern: Equatable {
        case text([Unicode.Scalar])
        case spaces(atLeast: Int)
        case whitespace(atLeast: Int)
        /// `\s{2,}|[\n\r\t]`
        case whitespaceOrLineBreak
    }

    let pattern: Pattern
    let content: [Unicode.Scalar]

    /// The regular expressions that the supported model families use; nil for any other.
    static func pattern(ofRegularExpression text: String) -> Pattern? {
        switch text {
        case " {2,}": .spaces(atLeast: 2)
        case " +": .spaces(atLeast: 1)
        case #"\s+"#: .whitespace(atLeast: 1)
        case #"\s{2,}"#: .whitespace(atLeast: 2)
        case #"\s{2,}|[\n\r\t]"#: .whitespaceOrLineBreak
        default: nil
        }
    }

    /// How many times as long as it was a match becomes at most.
    var growth: Double {
        let shortest: Int
        switch pattern {
        case .text(let scalars): shortest = scalars.count
        case .spaces(let minimum), .whitespace(let minimum): shortest = minimum
        case .whitespaceOrLineBreak: shortest = 1
        }
        return Double(content.count) / Double(max(1, shortest))
    }

    func normalize(_ text: [LocatedScalar]) -> [LocatedScalar] {
        var result: [LocatedScalar] = []
        result.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            let length = matchLength(text, at: index)
            if length == 0 {
                result.append(text[index])
                index += 1
                continue
            }
            let place = text[index + length - 1]
            result += content.map { LocatedScalar(scalar: $0, start: place.start, end: place.end) }
            index += length
        }
        return result
    }

    private func matchLength(_ text: [LocatedScalar], at index: Int) -> Int {
        func run(_ belongs: (Unicode.Scalar) -> Bool) -> Int {
            text[index...].prefix { belongs($0.scalar) }.count
        }
        switch pattern {
        case .text(let scalars):
            guard scalars.count <= text.count - index else { return 0 }
            return zip(scalars, text[index...]).allSatisfy { $0 == $1.scalar } ? scalars.count : 0
        case .spaces(let minimum):
            let length = run { $0 == " " }
            return length >= minimum ? length : 0
        case .whitespace(let minimum):
            let length = run(UnicodeClasses.isWhitespace)
            return length >= minimum ? length : 0
        case .whitespaceOrLineBreak:
            let length = run(UnicodeClasses.isWhitespace)
            let isBreak = ["\n", "\r", "\t"].contains(text[index].scalar)
            return length >= 2 || isBreak ? length : 0
        }
    }
}
