import Foundation
import Messages

/// A model's `config.json`, with checked access.
///
/// Every key asked for is recorded, so that keys nobody looked at can be reported: see `unreadKeys`. A key
/// whose value is null counts as absent, as Hugging Face writes null for "not set".
///
/// ```swift
/// let width = try config.int("hidden_size", in: 1...65_536)
/// let epsilon = try config.double("layer_norm_eps", in: 0...1, default: 1e-12)
/// let activation = try config.string("hidden_act", oneOf: ["gelu", "relu"], default: "gelu")
/// ```
package struct HFConfig: Sendable {
    /// The whole file. Reading it here records nothing.
    package let raw: JSONValue
    /// `model_type`, for example `bert`; nil where it is missing or no string.
    package let modelType: String?
    /// The path, for messages.
    package let path: String
    /// Of the model's weights; nil if nobody knows.
    package let folder: URL?
    /// What stands before its keys where it is an object inside another (`text_config.`).
    private let place: String
    private let keysRead: KeysRead

    /// Reads the file. Throws `ModelFileError` when it is missing or not a JSON object.
    package init(file: URL) throws {
        let json = try JSONValue.read(file, limits: JSONLimits(byteCount: 16 << 20))
        try self.init(json: json, path: file.path, weightsIn: file.deletingLastPathComponent())
    }

    /// Takes a value read elsewhere; `path` is for messages.
    package init(json: JSONValue, path: String, weightsIn folder: URL? = nil) throws {
        guard json.object != nil else {
            throw ModelFileError(
                file: path, problem: "this is \(json.summary), not an object",
                advice: "check that this is a model's config.json")
        }
        self.init(object: json, path: path, folder: folder, place: "", KeysRead())
    }

    private init(object: JSONValue, path: String, folder: URL?, place: String, _ keysRead: KeysRead) {
        raw = object
        self.path = path
        self.folder = folder
        self.place = place
        self.keysRead = keysRead
        modelType = object["model_type"]?.string.flatMap { $0.isEmpty ? nil : $0 }
        keysRead.insert(place + "model_type")
    }

    /// The object at a key as a configuration of its own, whose keys are called `key.name` where they are named; one without keys
    /// where it is absent.
    package func nested(_ key: String) throws -> HFConfig {
        let found = value(key) ?? .object([:])
        guard found.object != nil else { throw fault(key, "\(found.summary) is not an object") }
        keysRead.insert(named(key) + ".")
        return HFConfig(object: found, path: path, folder: folder, place: named(key) + ".", keysRead)
    }

    /// A key as messages call it.
    package func named(_ key: String) -> String { place + key }

    /// The value of a key; nil when it is absent or null.
    package func value(_ key: String) -> JSONValue? {
        keysRead.insert(named(key))
        guard let value = raw[key], !value.isNull else { return nil }
        return value
    }

    /// An integer within `range`. For an absent key the default, or without one an error; so for the others
    /// too.
    package func int(_ key: String, in range: ClosedRange<Int>, default fallback: Int? = nil) throws -> Int {
        guard let found = value(key) else { return try absent(key, fallback) }
        guard let integer = found.int else { throw fault(key, "\(found.summary) is not an integer") }
        guard range.contains(integer) else {
            throw fault(key, "\(integer) is outside \(range.lowerBound)...\(range.upperBound)")
        }
        return integer
    }

    /// A number within `range`.
    package func double(
        _ key: String, in range: ClosedRange<Double>, default fallback: Double? = nil
    ) throws -> Double {
        guard let found = value(key) else { return try absent(key, fallback) }
        guard let number = found.double else { throw fault(key, "\(found.summary) is not a number") }
        guard range.contains(number) else {
            throw fault(key, "\(number) is outside \(range.lowerBound)...\(range.upperBound)")
        }
        return number
    }

    /// A string; with `oneOf`, one of these.
    package func string(
        _ key: String, oneOf allowed: [String]? = nil, default fallback: String? = nil
    ) throws -> String {
        guard let found = value(key) else { return try absent(key, fallback) }
        guard let text = found.string else { throw fault(key, "\(found.summary) is not a string") }
        if let allowed, !allowed.contains(text) {
            let list = allowed.map { quoted($0) }.joined(separator: ", ")
            throw fault(key, "\(quoted(text)) is not supported, only \(list)")
        }
        return text
    }

    package func bool(_ key: String, default fallback: Bool? = nil) throws -> Bool {
        guard let found = value(key) else { return try absent(key, fallback) }
        guard let flag = found.bool else { throw fault(key, "\(found.summary) is neither true nor false") }
        return flag
    }

    /// A list of strings, also as one string with bars between them ("p2c|c2p"); nil when the key is absent.
    package func strings(_ key: String) throws -> [String]? {
        guard let found = value(key) else { return nil }
        if let text = found.string {
            return text.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
        }
        guard let list = found.array else {
            throw fault(key, "\(found.summary) is neither a string nor a list of strings")
        }
        return try list.map { member in
            guard let text = member.string else {
                throw fault(key, "the list holds \(member.summary), not only strings")
            }
            return text
        }
    }

    /// An object of strings, such as `id2label`; nil when the key is absent.
    package func stringMap(_ key: String) throws -> [String: String]? {
        guard let found = value(key) else { return nil }
        guard let object = found.object else {
            throw fault(key, "\(found.summary) is not an object of strings")
        }
        var map: [String: String] = [:]
        for (name, member) in object.members {
            guard let text = member.string else {
                throw fault(key, "the value of \(quoted(name)) is \(member.summary), not a string")
            }
            // Swift's dictionary takes two spellings of one accented key for the same.
            guard map.updateValue(text, forKey: name) == nil else {
                throw fault(key, "\(quoted(name)) is given twice")
            }
        }
        return map
    }

    /// Whether the key is there, be it with null.
    package func has(_ key: String) -> Bool { raw[key] != nil }

    /// The keys that are neither null nor read so far nor in `descriptiveKeys`, in the order of the file: a
    /// setting among them may ask for something that the code does not do.
    package var unreadKeys: [String] { Self.unread(raw, place, keysRead.all) }

    /// - Parameter place: before the keys of the object.
    private static func unread(_ object: JSONValue, _ place: String, _ read: Set<String>) -> [String] {
        (object.object?.members ?? []).flatMap { member -> [String] in
            let name = place + member.key
            if member.value.isNull || descriptiveKeys.contains(member.key) { return [] }
            if read.contains(name + ".") { return unread(member.value, name + ".", read) }
            return read.contains(name) ? [] : [name]
        }
    }

    private func absent<Value>(_ key: String, _ fallback: Value?) throws -> Value {
        guard let fallback else { throw fault(key, "missing") }
        return fallback
    }

    private func fault(_ key: String, _ problem: String) -> ModelFileError {
        ModelFileError(
            file: path, place: "key \(quoted(named(key)))", problem: problem,
            advice: "check that this model is of a supported kind and its config.json complete")
    }
}
