/// Cuts a template into tokens as Jinja2's lexer does with `trim_blocks` and `lstrip_blocks` on.
///
/// White space: `-` at a tag takes all that is next to it; without a sign a block or comment takes the spaces
/// before it on its line and the line end behind it; `+` keeps them. The source's last line end goes.
struct Lexer {
    private let source: [Unicode.Scalar]
    private var at = 0
    private var lineAt = 0
    private var line = 1
    private var tokens: [Token] = []
    /// The last token ended with a line end, or nothing came yet.
    private var isLineStart = true

    init(_ source: String) {
        var scalars: [Unicode.Scalar] = []
        for scalar in source.unicodeScalars {
            // All line ends are "\n" for Jinja2.
            if scalar == "\n", scalars.last == "\r" { scalars.removeLast() }
            if scalar != "\r", scalars.last == "\r" { scalars[scalars.count - 1] = "\n" }
            scalars.append(scalar)
        }
        for place in scalars.indices where scalars[place] == "\r" { scalars[place] = "\n" }
        if scalars.last == "\n" { scalars.removeLast() }
        self.source = scalars
    }

    struct Failure: Error {
        let line: Int
        let problem: String
    }

    /// - Throws: `Failure` for what Jinja2 does not read either.
    static func tokens(_ source: String) throws -> [Token] {
        var lexer = Lexer(source)
        while lexer.at < lexer.source.count { try lexer.text() }
        lexer.append(.end)
        return lexer.tokens
    }

    private mutating func append(_ kind: Token.Kind) {
        // Lines are counted where they are needed, going forwards.
        while lineAt < at {
            if source[lineAt] == "\n" { line += 1 }
            lineAt += 1
        }
        tokens.append(Token(kind: kind, line: line))
    }

    private mutating func failure(_ problem: String) -> Failure {
        append(.end)
        return Failure(line: line, problem: problem)
    }

    private func isNext(_ text: String, at place: Int) -> Bool {
        var place = place
        for scalar in text.unicodeScalars {
            guard place < source.count, source[place] == scalar else { return false }
            place += 1
        }
        return true
    }

    private func skippingSpace(from place: Int) -> Int {
        var place = place
        while place < source.count, source[place].isPythonSpace { place += 1 }
        return place
    }

    private func sign(at place: Int) -> Unicode.Scalar? {
        place < source.count && (source[place] == "-" || source[place] == "+") ? source[place] : nil
    }

    /// Text up to the next tag, and the tag.
    private mutating func text() throws {
        var open = at
        while open < source.count, !(source[open] == "{" && isTag(open + 1)) { open += 1 }
        guard open < source.count else {
            appendText(at..<open)
            at = open
            return
        }
        let kind = source[open + 1]
        let sign = sign(at: open + 2)
        appendText(strip(at..<open, before: kind, sign))
        at = open + (sign == nil ? 2 : 3)
        switch kind {
        case "#": try comment()
        case "{":
            isLineStart = false
            append(.variableBegin)
            try expression(isBlock: false)
        default:
            if let body = rawStart(open) {
                at = body
                try raw()
            } else {
                isLineStart = false
                append(.blockBegin)
                try expression(isBlock: true)
            }
        }
    }

    private func isTag(_ place: Int) -> Bool {
        place < source.count && (source[place] == "{" || source[place] == "%" || source[place] == "#")
    }

    private mutating func appendText(_ range: Range<Int>) {
        guard !range.isEmpty else { return }
        var text = String.UnicodeScalarView()
        text.append(contentsOf: source[range])
        append(.data(String(text)))
    }

    /// The text that stays before a tag.
    private func strip(_ range: Range<Int>, before kind: Unicode.Scalar, _ sign: Unicode.Scalar?) -> Range<
        Int
    > {
        var end = range.upperBound
        if sign == "-" {
            while end > range.lowerBound, source[end - 1].isPythonSpace { end -= 1 }
            return range.lowerBound..<end
        }
        guard sign != "+", kind != "{" else { return range }
        while end > range.lowerBound, source[end - 1] != "\n" { end -= 1 }
        guard end > range.lowerBound || isLineStart else { return range }
        return source[end..<range.upperBound].allSatisfy(\.isPythonSpace) ? range.lowerBound..<end : range
    }

    /// Behind the end of a block or comment that starts with `sign` or none.
    private mutating func close(_ width: Int, _ sign: Unicode.Scalar?) {
        at += width + (sign == nil ? 0 : 1)
        if sign == "-" {
            at = skippingSpace(from: at)
        } else if sign == nil, at < source.count, source[at] == "\n" {
            at += 1
        }
        isLineStart = source[at - 1] == "\n"
    }

    private mutating func comment() throws {
        let start = at
        while at < source.count {
            let sign = sign(at: at)
            if isNext("#}", at: at + (sign == nil ? 0 : 1)) { return close(2, sign) }
            at += 1
        }
        at = start
        throw failure("a comment does not end")
    }

    /// Where the text of a raw block begins, if the tag at `open` starts one.
    private func rawStart(_ open: Int) -> Int? {
        var place = open + 2
        if sign(at: place) == "-" { place += 1 }
        place = skippingSpace(from: place)
        guard isNext("raw", at: place) else { return nil }
        place = skippingSpace(from: place + 3)
        if isNext("-%}", at: place) { return skippingSpace(from: place + 3) }
        return isNext("%}", at: place) ? place + 2 : nil
    }

    private mutating func raw() throws {
        let start = at
        isLineStart = start > 0 && source[start - 1] == "\n"
        var open = at
        while open < source.count {
            defer { open += 1 }
            guard isNext("{%", at: open) else { continue }
            let sign = sign(at: open + 2)
            var place = skippingSpace(from: open + (sign == nil ? 2 : 3))
            guard isNext("endraw", at: place) else { continue }
            place = skippingSpace(from: place + 6)
            let endSign = self.sign(at: place)
            guard isNext("%}", at: place + (endSign == nil ? 0 : 1)) else { continue }
            appendText(strip(start..<open, before: "%", sign))
            at = place
            return close(2, endSign)
        }
        throw failure("a raw block does not end")
    }

    /// The tokens inside a tag, up to its end.
    private mutating func expression(isBlock: Bool) throws {
        var brackets: [Unicode.Scalar] = []
        while true {
            at = skippingSpace(from: at)
            guard at < source.count else { throw failure("a tag does not end") }
            if brackets.isEmpty, end(isBlock: isBlock) { return }
            if let scan = NumberScan(source, at) {
                guard let kind = scan.kind else { throw failure("a number is too large") }
                append(kind)
                at = scan.end
            } else if source[at].properties.isXIDStart || source[at] == "_" {
                let start = at
                while at < source.count, source[at].properties.isXIDContinue { at += 1 }
                let name = MarkedText(source[start..<at], isData: false).string
                append(.name(name))
            } else if source[at] == "'" || source[at] == "\"" {
                try string(source[at])
            } else {
                try symbol(&brackets)
            }
        }
    }

    private mutating func end(isBlock: Bool) -> Bool {
        let sign = sign(at: at)
        guard isNext(isBlock ? "%}" : "}}", at: at + (sign == nil ? 0 : 1)) else { return false }
        if isBlock {
            append(.blockEnd)
            close(2, sign)
            return true
        }
        // `+}}` is no end of a variable.
        guard sign != "+" else { return false }
        append(.variableEnd)
        at += sign == nil ? 2 : 3
        if sign == "-" { at = skippingSpace(from: at) }
        isLineStart = source[at - 1] == "\n"
        return true
    }

    private mutating func string(_ quote: Unicode.Scalar) throws {
        var end = at + 1
        while end < source.count, source[end] != quote { end += source[end] == "\\" ? 2 : 1 }
        guard end < source.count else { throw failure("a string does not end") }
        guard let text = EscapedText.decoded(source[(at + 1)..<end]) else {
            throw failure("a string with an escape that Python does not know")
        }
        append(.string(text))
        at = end + 1
    }

    private static let symbols = ["//", "**", "==", "!=", ">=", "<="]

    private mutating func symbol(_ brackets: inout [Unicode.Scalar]) throws {
        if let symbol = Self.symbols.first(where: { isNext($0, at: at) }) {
            append(.symbol(symbol))
            at += 2
            return
        }
        let scalar = source[at]
        guard "+-/*%~[](){}><=.:|,;".unicodeScalars.contains(scalar) else {
            throw failure("the character '\(scalar)' where an expression should go on")
        }
        switch scalar {
        case "(": brackets.append(")")
        case "[": brackets.append("]")
        case "{": brackets.append("}")
        case ")", "]", "}":
            guard brackets.popLast() == scalar else { throw failure("'\(scalar)' closes nothing") }
        default: break
        }
        append(.symbol(String(scalar)))
        at += 1
    }
}
