/// Reads a number where one begins: Jinja2's integers with their bases and its floats.
struct NumberScan {
    let end: Int
    /// Nil for what is beyond an `Int`.
    let kind: Token.Kind?

    init?(_ source: [Unicode.Scalar], _ start: Int) {
        func digits(_ place: Int, radix: Int) -> Int {
            var place = place
            while place < source.count {
                // One underscore may stand before a digit.
                let next = source[place] == "_" ? place + 1 : place
                guard next < source.count, source[next].isASCII,
                    let digit = Character(source[next]).hexDigitValue, digit < radix
                else { break }
                place = next + 1
            }
            return place
        }
        func text(_ range: Range<Int>) -> String {
            source[range].reduce(into: "") { if $1 != "_" { $0.unicodeScalars.append($1) } }
        }
        guard ("0"..."9").contains(source[start]) else { return nil }
        let bases: [Unicode.Scalar: Int] = ["b": 2, "B": 2, "o": 8, "O": 8, "x": 16, "X": 16]
        if source[start] == "0", start + 1 < source.count, let radix = bases[source[start + 1]] {
            let stop = digits(start + 2, radix: radix)
            if stop > start + 2 {
                end = stop
                kind = Int(text(start + 2..<stop), radix: radix).map { .integer($0) }
                return
            }
        }
        let whole = digits(start, radix: 10)
        var stop = whole
        if stop + 1 < source.count, source[stop] == ".", ("0"..."9").contains(source[stop + 1]) {
            stop = digits(stop + 1, radix: 10)
        }
        if stop + 1 < source.count, source[stop] == "e" || source[stop] == "E" {
            let sign = source[stop + 1] == "+" || source[stop + 1] == "-" ? 1 : 0
            let place = stop + 1 + sign
            if place < source.count, ("0"..."9").contains(source[place]) { stop = digits(place, radix: 10) }
        }
        // Behind a dot there is an index such as the 0 of `a.0.1`, no fraction.
        let isIndex = start > 0 && source[start - 1] == "."
        if stop > whole, !isIndex {
            end = stop
            kind = Double(text(start..<stop)).flatMap { $0.isFinite ? .float($0) : nil }
            return
        }
        // No number but zero begins with zero.
        let isZero = source[start] == "0"
        end = isZero ? source[start..<whole].firstIndex { $0 != "0" && $0 != "_" } ?? whole : whole
        kind = Int(text(start..<end)).map { .integer($0) }
    }
}

/// The text between the quotes of a string, escapes as Python reads them.
enum EscapedText {
    private static let letters: [Unicode.Scalar: Unicode.Scalar] = [
        "\\": "\\", "'": "'", "\"": "\"", "a": "\u{7}", "b": "\u{8}", "f": "\u{C}", "n": "\n", "r": "\r",
        "t": "\t", "v": "\u{B}",
    ]

    /// Nil for an escape that Python refuses, for a surrogate and for `\N{…}`.
    static func decoded(_ source: ArraySlice<Unicode.Scalar>) -> String? {
        var text = String.UnicodeScalarView()
        var at = source.startIndex
        while at < source.endIndex {
            guard source[at] == "\\", at + 1 < source.endIndex else {
                text.append(source[at])
                at += 1
                continue
            }
            let letter = source[at + 1]
            at += 2
            if let scalar = letters[letter] {
                text.append(scalar)
            } else if letter == "x" || letter == "u" || letter == "U" {
                let count = letter == "x" ? 2 : letter == "u" ? 4 : 8
                guard let scalar = number(source[at...].prefix(count), count: count, radix: 16) else {
                    return nil
                }
                text.append(scalar)
                at += count
            } else if ("0"..."7").contains(letter) {
                let digits = source[(at - 1)...].prefix(3).prefix { ("0"..."7").contains($0) }
                guard let scalar = number(digits, count: digits.count, radix: 8) else { return nil }
                text.append(scalar)
                at += digits.count - 1
            } else if letter == "N" {
                return nil
            } else if letter != "\n" {
                text.append("\\")
                text.append(letter)
            }
        }
        return String(text)
    }

    private static func number(
        _ digits: ArraySlice<Unicode.Scalar>, count: Int, radix: Int
    ) -> Unicode.Scalar? {
        guard digits.count == count, digits.allSatisfy({ Character($0).isHexDigit && $0.isASCII }) else {
            return nil
        }
        return UInt32(MarkedText(digits, isData: false).string, radix: radix).flatMap { Unicode.Scalar($0) }
    }
}
