import Messages
import ModelFiles

/// A setting that may be absent or null, but not of another JSON type. Throws `TokenizerError`.
func readSetting<Value>(
    _ section: JSONValue?, _ key: String, _ standard: Value, _ read: (JSONValue) -> Value?, _ path: String
) throws -> Value {
    guard let entry = section?[key], !entry.isNull else { return standard }
    guard let value = read(entry) else {
        throw TokenizerError(file: path, problem: "the setting \(key) is not a \(Value.self)")
    }
    return value
}

/// A regular expression of `part`. Throws `TokenizerError` that names what of it this version lacks.
func readExpression(
    _ text: String, _ part: String, _ path: String, edition: UnicodeEdition = .oniguruma
) throws -> Expression {
    do throws(ExpressionError) {
        return try Expression(text, edition: edition)
    } catch {
        throw TokenizerError(
            file: path,
            problem:
                "\(part) with the pattern \(inQuotes(text)) is not supported, for it has \(oneLine(error.what))",
            advice: TokenizerFile.families)
    }
}

extension JSONValue {
    /// An object with one member set.
    func setting(_ key: String, _ value: JSONValue) -> JSONValue {
        guard var object else { return self }
        object[key] = value
        return .object(object)
    }
}
