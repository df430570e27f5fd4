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

extension JSONValue {
    /// An object with one member set.
    func setting(_ key: String, _ value: JSONValue) -> JSONValue {
        guard var object else { return self }
        object[key] = value
        return .object(object)
    }
}
