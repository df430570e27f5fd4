/// Searching, splitting and joining, as Python's `str` does.
extension MarkedText {
    /// Where `part` begins, without overlaps, from the left, in time linear in both lengths
    /// (Knuth, Morris, Pratt 1977).
    func places(of part: MarkedText, limit: Int = .max) -> [Int] {
        let wanted = part.scalars
        guard limit > 0 else { return [] }
        guard !wanted.isEmpty else { return Array((0...count).prefix(limit)) }
        guard wanted.count <= count else { return [] }
        var borders = [0]
        for place in wanted.indices.dropFirst() {
            var border = borders[place - 1]
            while border > 0, wanted[border] != wanted[place] { border = borders[border - 1] }
            borders.append(wanted[border] == wanted[place] ? border + 1 : border)
        }
        var found: [Int] = []
        var matched = 0
        for place in scalars.indices {
            while matched > 0, wanted[matched] != scalars[place] { matched = borders[matched - 1] }
            if wanted[matched] == scalars[place] { matched += 1 }
            if matched == wanted.count {
                found.append(place + 1 - matched)
                if found.count == limit { break }
                matched = 0
            }
        }
        return found
    }

    func contains(_ part: MarkedText) -> Bool { !places(of: part, limit: 1).isEmpty }

    func hasPrefix(_ part: MarkedText) -> Bool { scalars.starts(with: part.scalars) }

    func hasSuffix(_ part: MarkedText) -> Bool {
        part.count <= count && scalars.suffix(part.count).elementsEqual(part.scalars)
    }

    /// The last places of `part`, from the right.
    func lastPlaces(of part: MarkedText, limit: Int = .max) -> [Int] {
        guard part.count <= count else { return [] }
        let turned = picked(scalars.indices.reversed())
        let turnedPart = part.picked(part.scalars.indices.reversed())
        return turned.places(of: turnedPart, limit: limit).map { count - $0 - part.count }
    }

    func replacing(_ old: MarkedText, with new: MarkedText, limit: Int, meter: Meter) throws -> MarkedText {
        let places = places(of: old, limit: limit < 0 ? .max : limit)
        let (growth, isTooLong) = places.count.multipliedReportingOverflow(by: new.count - old.count)
        try meter.checkText(isTooLong ? .max : count + growth)
        var result = MarkedText()
        var at = 0
        for place in places {
            result.append(self[at..<place])
            result.append(new)
            at = place + old.count
        }
        result.append(self[at..<count])
        return result
    }

    private func cut(at places: [Int], width: Int) -> [MarkedText] {
        var parts: [MarkedText] = []
        var at = 0
        for place in places {
            parts.append(self[at..<place])
            at = place + width
        }
        return parts + [self[at..<count]]
    }

    func split(by separator: MarkedText, limit: Int) -> [MarkedText] {
        cut(at: places(of: separator, limit: limit < 0 ? .max : limit), width: separator.count)
    }

    func splitFromEnd(by separator: MarkedText, limit: Int) -> [MarkedText] {
        let places = lastPlaces(of: separator, limit: limit < 0 ? .max : limit)
        return cut(at: places.reversed(), width: separator.count)
    }

    /// The words between white space; after `limit` cuts the rest is one word.
    func words(limit: Int) -> [MarkedText] {
        var words: [MarkedText] = []
        var at = 0
        while true {
            while at < count, scalars[at].isPythonSpace { at += 1 }
            guard at < count else { return words }
            if limit >= 0, words.count == limit { return words + [self[at..<count]] }
            let start = at
            while at < count, !scalars[at].isPythonSpace { at += 1 }
            words.append(self[start..<at])
        }
    }

    func wordsFromEnd(limit: Int) -> [MarkedText] {
        var words: [MarkedText] = []
        var end = count
        while true {
            while end > 0, scalars[end - 1].isPythonSpace { end -= 1 }
            guard end > 0 else { break }
            if limit >= 0, words.count == limit {
                words.append(self[0..<end])
                break
            }
            let stop = end
            while end > 0, !scalars[end - 1].isPythonSpace { end -= 1 }
            words.append(self[end..<stop])
        }
        return words.reversed()
    }

    func lines(keepingEnds: Bool) -> [MarkedText] {
        var lines: [MarkedText] = []
        var (start, at) = (0, 0)
        while at < count {
            guard scalars[at].isPythonLineEnd else {
                at += 1
                continue
            }
            let end = at
            at += scalars[at] == "\r" && at + 1 < count && scalars[at + 1] == "\n" ? 2 : 1
            lines.append(self[start..<(keepingEnds ? at : end)])
            start = at
        }
        return start < count ? lines + [self[start..<count]] : lines
    }

    /// The parts with this text between them.
    func joining(_ parts: [MarkedText], meter: Meter) throws -> MarkedText {
        var total = 0
        for part in parts { total += part.count + count }
        try meter.checkText(total)
        var result = MarkedText()
        for (at, part) in parts.enumerated() {
            if at > 0 { result.append(self) }
            result.append(part)
        }
        return result
    }

    enum Side { case start, end, both }

    /// Without the characters in `set` at its ends; without white space where none is given.
    func trimmed(_ side: Side, of set: MarkedText? = nil) -> MarkedText {
        let removed = set.map { Set($0.scalars) }
        func goes(_ scalar: Unicode.Scalar) -> Bool { removed?.contains(scalar) ?? scalar.isPythonSpace }
        var (start, end) = (0, count)
        if side != .end { while start < end, goes(scalars[start]) { start += 1 } }
        if side != .start { while end > start, goes(scalars[end - 1]) { end -= 1 } }
        return start == 0 && end == count ? self : self[start..<end]
    }
}

extension Unicode.Scalar {
    /// Python's `str.isspace` of one character.
    var isPythonSpace: Bool {
        switch value {
        case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F,
            0x3000:
            true
        default: false
        }
    }

    /// Where Python's `str.splitlines` cuts.
    var isPythonLineEnd: Bool {
        switch value {
        case 0x0A...0x0D, 0x1C...0x1E, 0x85, 0x2028, 0x2029: true
        default: false
        }
    }
}
