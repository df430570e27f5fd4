/// A step of `decoder` in `tokenizer.json`: what becomes of a token's text, given one after another. Some keep back what
/// later tokens may change. Their results one behind the other are those of the `tokenizers` library, which has all
/// tokens at once.
enum DecodingStep: Sendable {
    case byteLevel(ByteLevelDecoding)
    case byteFallback(ByteFallbackDecoding)
    case replace(Expression, with: String)
    case metaspace(MetaspaceDecoding)
    case wordPiece(WordPieceDecoding)
    case suffix(SuffixDecoding)
    /// Of each token, or once they are one text of that text.
    case strip(StripDecoding)
    case stripText(TextStripDecoding)
    /// Makes one text of all.
    case fuse
    /// A space between two tokens, where a file has no decoder.
    case spaces(isFirst: Bool)

    /// The texts that are certain once this one follows.
    mutating func push(_ token: String) -> [String] {
        switch self {
        case .byteLevel(var state):
            defer { self = .byteLevel(state) }
            return state.push(token)
        case .byteFallback(var state):
            defer { self = .byteFallback(state) }
            return state.push(token)
        case .replace(let expression, let content): return [Self.replaced(token, expression, content)]
        case .metaspace(var state):
            defer { self = .metaspace(state) }
            return [state.push(token)]
        case .wordPiece(var state):
            defer { self = .wordPiece(state) }
            return [state.push(token)]
        case .suffix(var state):
            defer { self = .suffix(state) }
            return state.push(token)
        case .strip(let settings): return [settings.stripped(token)]
        case .stripText(var state):
            defer { self = .stripText(state) }
            return [state.push(token)]
        case .fuse: return [token]
        case .spaces(let isFirst):
            self = .spaces(isFirst: false)
            return [isFirst ? token : " " + token]
        }
    }

    /// What it kept back, when no token follows.
    mutating func finish() -> [String] {
        switch self {
        case .byteLevel(var state):
            defer { self = .byteLevel(state) }
            return state.finish()
        case .byteFallback(var state):
            defer { self = .byteFallback(state) }
            return state.finish()
        case .suffix(var state):
            defer { self = .suffix(state) }
            return state.finish()
        case .stripText, .replace, .metaspace, .wordPiece, .strip, .fuse, .spaces: return []
        }
    }

    private static func replaced(_ token: String, _ expression: Expression, _ content: String) -> String {
        let scalars = LocatedScalar.scalars(of: token)
        var result = String.UnicodeScalarView()
        for (range, isMatch) in expression.pieces(of: scalars[...]) {
            if isMatch {
                result.append(contentsOf: content.unicodeScalars)
            } else {
                result.append(contentsOf: scalars[range].map(\.scalar))
            }
        }
        return String(result)
    }
}

/// UTF-8 that comes in pieces; each fault becomes one U+FFFD, as Rust and Swift read it.
struct UTF8Assembly: Sendable {
    private var bytes: [UInt8] = []

    /// Text that no later byte can change.
    mutating func push(_ more: some Sequence<UInt8>) -> String {
        bytes += more
        let held = Self.unfinished(bytes)
        defer { bytes.removeFirst(bytes.count - held) }
        return String(decoding: bytes.dropLast(held), as: UTF8.self)
    }

    mutating func finish() -> String {
        defer { bytes = [] }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// How many bytes at the end may begin a scalar that goes on.
    private static func unfinished(_ bytes: [UInt8]) -> Int {
        for length in 1...3 where length <= bytes.count {
            let first = bytes[bytes.count - length]
            if first & 0xC0 == 0x80 { continue }
            let needed = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC0 ? 2 : 1
            return needed > length ? length : 0
        }
        return 0
    }
}

/// Each scalar of GPT-2's alphabet is a byte; a token with another scalar is text.
struct ByteLevelDecoding: Sendable {
    private var assembly = UTF8Assembly()
    /// Tokens that are text whatever they are spelled with.
    private let plain: Set<[UInt8]>
    private static let bytes = Dictionary(
        uniqueKeysWithValues: ByteLevel.scalars.enumerated().map { ($0.element, UInt8($0.offset)) })

    init(plain: Set<[UInt8]> = []) { self.plain = plain }

    mutating func push(_ token: String) -> [String] {
        var spelled: [UInt8] = []
        if plain.isEmpty || !plain.contains(Array(token.utf8)) {
            for scalar in token.unicodeScalars {
                guard let byte = Self.bytes[scalar] else { return [assembly.push(token.utf8)] }
                spelled.append(byte)
            }
            return [assembly.push(spelled)]
        }
        return [assembly.push(token.utf8)]
    }

    mutating func finish() -> [String] { [assembly.finish()] }
}

/// A run of byte tokens is text where all of it is UTF-8, or else one U+FFFD for each.
struct ByteFallbackDecoding: Sendable {
    private var bytes: [UInt8] = []

    mutating func push(_ token: String) -> [String] {
        if let byte = ByteToken.byte(of: token) {
            bytes.append(byte)
            return []
        }
        return finish() + [token]
    }

    mutating func finish() -> [String] {
        if bytes.isEmpty { return [] }
        defer { bytes = [] }
        return String(validating: bytes, as: UTF8.self).map { [$0] }
            ?? [String](repeating: "\u{FFFD}", count: bytes.count)
    }
}

/// Marks are spaces, but those of the first token are none where the pre-tokenizer put one there.
struct MetaspaceDecoding: Sendable {
    let mark: Unicode.Scalar
    let dropsFirst: Bool
    /// Tokens that are text as they stand.
    private let plain: Set<[UInt8]>
    private var isFirst = true

    init(mark: Unicode.Scalar, dropsFirst: Bool, plain: Set<[UInt8]> = []) {
        (self.mark, self.dropsFirst, self.plain) = (mark, dropsFirst, plain)
    }

    mutating func push(_ token: String) -> String {
        if !plain.isEmpty, plain.contains(Array(token.utf8)) { return token }
        var result = String.UnicodeScalarView()
        for scalar in token.unicodeScalars {
            if scalar != mark {
                result.append(scalar)
            } else if !(isFirst && dropsFirst) {
                result.append(" ")
            }
        }
        isFirst = false
        return String(result)
    }
}

/// A space before each token that begins a word.
struct WordPieceDecoding: Sendable {
    let prefix: String
    /// Takes spaces before punctuation and contractions away.
    let cleansUp: Bool
    private var isFirst = true

    private static let cleaned = [
        (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"),
        (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
    ]

    init(prefix: String, cleansUp: Bool) { (self.prefix, self.cleansUp) = (prefix, cleansUp) }

    mutating func push(_ token: String) -> String {
        var bytes = Array(token.utf8)
        if !isFirst {
            if bytes.starts(with: prefix.utf8) {
                bytes.removeFirst(prefix.utf8.count)
            } else {
                bytes.insert(UInt8(ascii: " "), at: 0)
            }
        }
        isFirst = false
        if cleansUp {
            for (old, new) in Self.cleaned { bytes = Self.replaced(bytes, Array(old.utf8), Array(new.utf8)) }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func replaced(_ text: [UInt8], _ old: [UInt8], _ new: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var index = 0
        while index < text.count {
            if text[index...].starts(with: old) {
                result += new
                index += old.count
            } else {
                result.append(text[index])
                index += 1
            }
        }
        return result
    }
}

/// An end-of-word suffix is a space, at the very end nothing.
struct SuffixDecoding: Sendable {
    let suffix: String
    private var waiting: String?

    init(suffix: String) { self.suffix = suffix }

    mutating func push(_ token: String) -> [String] {
        defer { waiting = token }
        return waiting.map { [$0.replacingScalars(of: suffix, with: " ")] } ?? []
    }

    mutating func finish() -> [String] {
        defer { waiting = nil }
        return waiting.map { [$0.replacingScalars(of: suffix, with: "")] } ?? []
    }
}

extension String {
    /// Compared by scalars, as the library does.
    fileprivate func replacingScalars(of old: String, with new: String) -> String {
        let text = Array(unicodeScalars)
        let wanted = Array(old.unicodeScalars)
        if wanted.isEmpty { return self }
        var result = String.UnicodeScalarView()
        var index = 0
        while index < text.count {
            if text[index...].starts(with: wanted) {
                result.append(contentsOf: new.unicodeScalars)
                index += wanted.count
            } else {
                result.append(text[index])
                index += 1
            }
        }
        return String(result)
    }
}

/// Takes up to so many of one scalar away at the ends of each token.
struct StripDecoding: Sendable {
    let scalar: Unicode.Scalar
    let start: Int
    let end: Int

    func stripped(_ token: String) -> String {
        var rest = Array(token.unicodeScalars)[...]
        var count = 0
        while count < start, rest.first == scalar {
            rest.removeFirst()
            count += 1
        }
        count = 0
        while count < end, rest.last == scalar {
            rest.removeLast()
            count += 1
        }
        var result = String.UnicodeScalarView()
        result.append(contentsOf: rest)
        return String(result)
    }
}

/// The same at the start of one text.
struct TextStripDecoding: Sendable {
    let scalar: Unicode.Scalar
    private var left: Int

    init(scalar: Unicode.Scalar, start: Int) { (self.scalar, left) = (scalar, start) }

    mutating func push(_ text: String) -> String {
        var rest = text.unicodeScalars[...]
        while left > 0, let first = rest.first {
            if first == scalar {
                rest.removeFirst()
                left -= 1
            } else {
                left = 0
            }
        }
        return String(rest)
    }
}
