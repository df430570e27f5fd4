/// Letters, as Python's `str` changes them.
extension MarkedText {
    var uppercased: MarkedText { mapped { $1.properties.uppercaseMapping } }

    var lowercased: MarkedText { mapped { lowercase($1, at: $0) } }

    /// A capital sigma that ends a word becomes the letter for ends (Unicode's Final_Sigma).
    private func lowercase(_ scalar: Unicode.Scalar, at place: Int) -> String {
        guard scalar == "Σ" else { return scalar.properties.lowercaseMapping }
        func isNextCased(_ places: some Sequence<Int>) -> Bool {
            for place in places where !scalars[place].properties.isCaseIgnorable {
                return scalars[place].properties.isCased
            }
            return false
        }
        return isNextCased((0..<place).reversed()) && !isNextCased(place + 1..<count) ? "ς" : "σ"
    }

    var capitalized: MarkedText {
        mapped { $0 == 0 ? $1.properties.titlecaseMapping : lowercase($1, at: $0) }
    }

    /// Python's `str.title`: a letter behind anything without case begins a word.
    var titlecased: MarkedText {
        mapped { place, scalar in
            let isInside = place > 0 && scalars[place - 1].properties.isCased
            return isInside ? lowercase(scalar, at: place) : scalar.properties.titlecaseMapping
        }
    }

    /// The filter `title`: words begin behind white space, hyphens and opening brackets.
    var titledWords: MarkedText {
        func separates(_ scalar: Unicode.Scalar) -> Bool {
            scalar.isPythonSpace || "-({[<".unicodeScalars.contains(scalar)
        }
        var result = MarkedText()
        var start = 0
        while start < count {
            var end = start + 1
            let kind = separates(scalars[start])
            while end < count, separates(scalars[end]) == kind { end += 1 }
            result.append(self[start..<start + 1].uppercased)
            result.append(self[start + 1..<end].lowercased)
            start = end
        }
        return result
    }

    var isUppercase: Bool {
        var hasCase = false
        for scalar in scalars {
            let category = scalar.properties.generalCategory
            if scalar.properties.isLowercase || category == .titlecaseLetter { return false }
            if scalar.properties.isUppercase { hasCase = true }
        }
        return hasCase
    }

    var isLowercase: Bool {
        var hasCase = false
        for scalar in scalars {
            let category = scalar.properties.generalCategory
            if scalar.properties.isUppercase || category == .titlecaseLetter { return false }
            if scalar.properties.isLowercase { hasCase = true }
        }
        return hasCase
    }

    /// For HTML, as MarkupSafe escapes.
    var escapedForHTML: MarkedText {
        guard !isSafe else { return self }
        var escaped = mapped { _, scalar in
            switch scalar {
            case "&": "&amp;"
            case "<": "&lt;"
            case ">": "&gt;"
            case "'": "&#39;"
            case "\"": "&#34;"
            default: String(scalar)
            }
        }
        escaped.isSafe = true
        return escaped
    }
}
