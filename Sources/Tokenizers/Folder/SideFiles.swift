import Foundation
import ModelFiles

/// What stands beside a vocabulary, merged as transformers (5.24) merges it when it opens a folder: the settings of
/// `tokenizer_config.json`, and over them, unless they list the added tokens, `special_tokens_map.json`,
/// `added_tokens.json` and the added tokens of `tokenizer.json`.
struct SideFiles {
    static let settingsName = "tokenizer_config.json"
    private static let mapName = "special_tokens_map.json"
    private static let listName = "added_tokens.json"
    /// The tokens with a role, in the order in which transformers adds those that a vocabulary lacks.
    static let roles = [
        "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token",
    ]

    /// Of `tokenizer_config.json`, also where there is none.
    let path: String
    let hasSettings: Bool
    /// nil where neither a file nor a model says it
    let kind: TokenizerClass?
    /// A class that this version does not know.
    let unknownClass: String?
    /// Added tokens with the ids that their file gives them, by id.
    var declared: [AddedToken] { declaredByID.values.sorted { $0.id < $1.id } }
    private var declaredByID: [Int32: AddedToken] = [:]
    /// Tokens with roles of the model's own, by the name of the role.
    private var ownRoles: [(key: String, value: JSONValue)] = []
    private(set) var settings: JSONObject
    /// Whether nothing but `tokenizer.json` says anything.
    private(set) var isEmpty = true
    /// Which file says a token of `declared`, for messages.
    private(set) var declaringFile = settingsName
    private var declaredByText: [[UInt8]: AddedToken] = [:]

    /// - Parameters:
    ///   - stored: the content of `tokenizer.json`, if there is one.
    ///   - configuration: the folder with the model's `config.json`; nil is `folder`.
    ///   - leavesOut: whether the folder is read as if it had none of `TokenizerFileNames.later`.
    init(folder: URL, stored: JSONValue?, configuration: URL? = nil, leavesOut: Bool = false) throws {
        let given = try Self.object(folder, Self.settingsName)
        let config = try Self.object(configuration ?? folder, "config.json")
        path = folder.appendingPathComponent(Self.settingsName).path
        hasSettings = given != nil
        settings = given ?? JSONObject()
        let declaredClass = (settings["tokenizer_class"] ?? config?["tokenizer_class"])?.string
        (kind, unknownClass) = TokenizerClass.resolve(
            modelType: config?["model_type"]?.string, declared: declaredClass)
        let names = (leavesOut ? [] : [Self.mapName, Self.listName]) + [Self.settingsName]
        isEmpty = !names.contains {
            FileManager.default.fileExists(atPath: folder.appendingPathComponent($0).path)
        }
        try refuseOthers()
        mergeExtraTokens()
        for key in settings.keys
        where key.hasSuffix("_token") && !Self.roles.contains(key) && settings[key]?.string != nil {
            takeRole(key, settings[key])
        }
        takeRoles(ofObject: "extra_special_tokens")
        if let list = settings["added_tokens_decoder"] {
            try declare(decoder: list)
        } else {
            if !leavesOut { try mergeSpecialTokensMap(folder) }
            try declare(leavesOut ? nil : try Self.object(folder, Self.listName), stored: stored)
        }
    }

    private static func object(_ folder: URL, _ name: String) throws -> JSONObject? {
        let file = folder.appendingPathComponent(name)
        guard FileManager.default.fileExists(atPath: file.path) else { return nil }
        guard let object = try JSONValue.read(file).object else {
            throw TokenizerError(file: file.path, problem: "this is not a JSON object")
        }
        return object
    }

    private func refuseOthers() throws {
        let versions = (settings["fast_tokenizer_files"]?.array ?? []).compactMap(\.string)
        if versions.contains(where: { $0 != "tokenizer.json" }) {
            throw TokenizerError(
                file: path,
                problem: "fast_tokenizer_files names a tokenizer for each version of transformers",
                advice: "keep the one to use as tokenizer.json and remove that setting")
        }
        if let inputs = settings["init_inputs"]?.array, !inputs.isEmpty {
            throw TokenizerError(
                file: path, problem: "init_inputs is not supported",
                advice: "save the tokenizer again with save_pretrained of transformers 5")
        }
        if settings["tokenizer_class"].map({ !$0.isNull && $0.string == nil }) ?? false {
            throw TokenizerError(file: path, problem: "the setting tokenizer_class is not a String")
        }
    }

    private mutating func mergeExtraTokens() {
        guard let additional = settings["additional_special_tokens"],
            !Self.holds(settings["extra_special_tokens"])
        else { return }
        settings["extra_special_tokens"] = additional
        settings["additional_special_tokens"] = nil
    }

    /// Python's `bool` of a list or object.
    private static func holds(_ value: JSONValue?) -> Bool {
        !(value?.array?.isEmpty ?? value?.object?.isEmpty ?? value?.isNull ?? true)
    }

    private mutating func takeRole(_ key: String, _ value: JSONValue?) {
        guard let value else { return }
        ownRoles.append((key, value))
        settings[key] = nil
    }

    private mutating func takeRoles(ofObject key: String) {
        guard let members = settings[key]?.object?.members else { return }
        ownRoles += members
        settings[key] = nil
    }

    private mutating func mergeSpecialTokensMap(_ folder: URL) throws {
        guard let map = try Self.object(folder, Self.mapName) else { return }
        let file = folder.appendingPathComponent(Self.mapName).path
        for (key, value) in map.members {
            if key == "extra_special_tokens", let more = value.array {
                var all = settings[key]?.array ?? []
                for token in try more.map({ try Self.special($0, file) }) where !all.contains(token) {
                    all.append(token)
                }
                settings[key] = .array(all)
            } else {
                settings[key] = key == "extra_special_tokens" ? value : try Self.special(value, file)
            }
        }
        takeRoles(ofObject: "extra_special_tokens")
    }

    /// A token of `special_tokens_map.json`, marked as `tokenizer_config.json` marks one.
    private static func special(_ value: JSONValue, _ file: String) throws -> JSONValue {
        guard var token = value.object else { return value }
        guard token["content"]?.string != nil else {
            throw TokenizerError(file: file, problem: "a special token has no content")
        }
        token["__type"] = .string("AddedToken")
        token["special"] = .bool(true)
        return .object(token)
    }

    private mutating func declare(_ token: AddedToken) {
        declaredByID[token.id] = token
        declaredByText[Array(token.text.utf8)] = token
    }

    private mutating func declare(decoder list: JSONValue) throws {
        guard let members = list.object?.members else {
            throw TokenizerError(file: path, problem: "added_tokens_decoder is not an object")
        }
        for (key, value) in members {
            guard let id = Int32(key), id >= 0 else {
                throw TokenizerError(
                    file: path, problem: "\(inQuotes(key)) in added_tokens_decoder is not an id")
            }
            declare(try Self.token(value, id: id, path))
        }
    }

    private mutating func declare(_ listed: JSONObject?, stored: JSONValue?) throws {
        if let listed {
            declaringFile = Self.listName
            let roles = Self.roles.compactMap { settings[$0].flatMap(Self.text) }
            let extra = (settings["extra_special_tokens"]?.array ?? []).compactMap(Self.text)
            let special = Set((roles + extra).map { Array($0.utf8) })
            for (text, value) in listed.members {
                guard let number = value.int, let id = Int32(exactly: number), id >= 0 else {
                    throw TokenizerError(
                        file: path, problem: "\(inQuotes(text)) in added_tokens.json has no id")
                }
                let isSpecial = special.contains(Array(text.utf8))
                declare(AddedToken(text: text, id: id, isNormalized: !isSpecial, isSpecial: isSpecial))
            }
        }
        for entry in stored?["added_tokens"]?.array ?? [] {
            // Faults of that list are told where it is read.
            guard let number = entry["id"]?.int, let id = Int32(exactly: number),
                entry["content"]?.string != nil
            else { continue }
            declare(try Self.token(entry, id: id, path))
        }
    }

    func declares(_ text: String) -> Bool { declaredByText[Array(text.utf8)] != nil }

    private static func text(_ token: JSONValue) -> String? { token.string ?? token["content"]?.string }

    /// An added token as Python's `AddedToken` takes its arguments.
    private static func token(_ entry: JSONValue, id: Int32, _ file: String) throws -> AddedToken {
        guard let text = entry["content"]?.string else {
            throw TokenizerError(file: file, problem: "an added token has no content")
        }
        try TokenizerFile.checkLength(text, file)
        func flag(_ key: String, _ standard: Bool) throws -> Bool {
            try readSetting(entry, key, standard, \.bool, file)
        }
        let isSpecial = try flag("special", false)
        return AddedToken(
            text: text, id: id, stripsLeft: try flag("lstrip", false), stripsRight: try flag("rstrip", false),
            isSingleWord: try flag("single_word", false), isNormalized: try flag("normalized", !isSpecial),
            isSpecial: isSpecial, followsSpecial: entry["normalized"].map(\.isNull) ?? true)
    }

    /// A token of a role, as a file gives it: with its behavior, or its text alone.
    enum Given {
        case text(String)
        case token(AddedToken)

        var text: String {
            switch self {
            case .text(let text): text
            case .token(let token): token.text
            }
        }
    }

    private func given(_ value: JSONValue, _ key: String) throws -> Given {
        if let text = value.string { return .text(text) }
        guard value["__type"]?.string == "AddedToken" else {
            throw TokenizerError(
                file: path, problem: "\(inQuotes(key)) is neither a token's text nor an AddedToken")
        }
        return .token(try Self.token(value, id: -1, path))
    }

    /// nil for null, and for a role that no file gives and that has no usual token.
    func role(_ key: String, usual: String? = nil) throws -> Given? {
        guard let value = settings[key] else { return usual.map { .text($0) } }
        if value.isNull { return nil }
        let found = try given(value, key)
        return declaredByText[Array(found.text.utf8)].map { .token($0) } ?? found
    }

    /// Tokens of the model's own roles: of other files first.
    func otherRoles() throws -> [Given] {
        let others = settings.members.filter {
            $0.key.hasSuffix("_token") && !Self.roles.contains($0.key)
                && ($0.value.string ?? $0.value["__type"]?.string) != nil
        }
        return try (others + ownRoles).map { try given($0.value, $0.key) }
    }

    func extraTokens(usual: [String] = []) throws -> [Given] {
        guard let value = settings["extra_special_tokens"] ?? settings["additional_special_tokens"] else {
            return usual.map { .text($0) }
        }
        if value.isNull { return [] }
        guard let list = value.array else {
            throw TokenizerError(file: path, problem: "extra_special_tokens is not a list of tokens")
        }
        return try list.map { try given($0, "extra_special_tokens") }
    }

    /// A setting that is true or false. Python takes null for false where it only asks whether.
    func flag(_ key: String, _ standard: Bool, nullIsFalse: Bool = false) throws -> Bool {
        if nullIsFalse, settings[key]?.isNull ?? false { return false }
        return try readSetting(.object(settings), key, standard, \.bool, path)
    }

    /// "left" or "right"
    func side(_ key: String, _ standard: String) throws -> String {
        let side = try readSetting(.object(settings), key, standard, \.string, path)
        guard ["left", "right"].contains(side) else {
            throw TokenizerError(
                file: path, problem: "the setting \(key) is \(inQuotes(side)), neither \"left\" nor \"right\""
            )
        }
        return side
    }
}
