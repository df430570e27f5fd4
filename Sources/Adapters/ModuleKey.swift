/// A key of PEFT's `rank_pattern` and `alpha_pattern`: a regular expression for a module's path, or for its end after a
/// dot (`re.match(rf"(.*\.)?({key})$", path)`).
enum ModuleKey {
    /// Of letters, digits, dashes and dots: a path itself, or the end of one
    case name(String)
    case pattern(ModulePattern)

    /// nil for an expression that is not read here.
    init?(_ key: String) {
        if key.allSatisfy(Self.isPlain) {
            self = .name(key)
        } else {
            guard let pattern = ModulePattern("(.*\\.)?(\(key))") else { return nil }
            self = .pattern(pattern)
        }
    }

    func matches(_ path: String) -> Bool {
        switch self {
        case .name(let name): path == name || path.hasSuffix("." + name)
        case .pattern(let pattern): pattern.matches(path)
        }
    }

    private static func isPlain(_ character: Character) -> Bool {
        character.isASCII && (character.isLetter || character.isNumber || "._-".contains(character))
    }
}
