import Messages
import ModelFiles

/// Where a `tokenizer.json` made anew differs from the one that a folder has, as a person should read it.
struct SectionDifferences {
    let stored: JSONValue
    let made: JSONValue
    let vocabulary: TokenizerFile.Index

    var lines: [String] { normalizer + splitting + template + model + addedTokens }

    /// A step of a pipeline: what is told of it, and all that it does.
    private struct Step: Equatable {
        let name: String
        let settings: JSONValue

        static func == (left: Step, right: Step) -> Bool {
            left.name == right.name && left.settings == right.settings
        }
    }

    private static func list(_ steps: [Step]) -> String {
        steps.isEmpty ? "none" : steps.map(\.name).joined(separator: ", ")
    }

    // MARK: Normalizer

    private var normalizer: [String] {
        let (old, new) = (steps(stored["normalizer"]), steps(made["normalizer"]))
        if old == new { return [] }
        guard old.count == 1, new.count == 1, old[0].name == new[0].name,
            let settings = new[0].settings.object
        else {
            return ["normalizer \(Self.list(new)) instead of \(Self.list(old))"]
        }
        return settings.members.filter { old[0].settings[$0.key] != $0.value }.map {
            let other = old[0].settings[$0.key]?.bool
            return "\($0.key) \($0.value.bool ?? false) instead of \(other ?? false)"
        }
    }

    private func steps(_ section: JSONValue?) -> [Step] {
        guard let section, let type = section["type"]?.string else { return [] }
        if type == "Sequence" {
            let steps = (section["normalizers"]?.array ?? []).flatMap { self.steps($0) }
            return splitsAtWhitespace ? steps.filter { !isAboutSpaces($0) } : steps
        }
        return [Step(name: name(section, type), settings: Self.complete(section, type))]
    }

    /// Whether spaces are gone before words are looked at, however the normalizer left them.
    private var splitsAtWhitespace: Bool {
        [stored, made].allSatisfy { root in
            let section = root["pre_tokenizer"]
            return (section?["pretokenizers"]?.array?.first ?? section)?["type"]?.string == "WhitespaceSplit"
        }
    }

    private func isAboutSpaces(_ step: Step) -> Bool {
        if step.name == "Strip" { return true }
        let pattern = step.settings["pattern"]?["Regex"]?.string
        return step.settings["content"]?.string == " "
            && [" {2,}", #"\s{2,}"#, #"\s+"#, " +"].contains(pattern)
    }

    private func name(_ section: JSONValue, _ type: String) -> String {
        guard type == "Replace" else { return oneLine(type, limit: 40) }
        let pattern = section["pattern"]?["Regex"]?.string ?? section["pattern"]?["String"]?.string ?? ""
        return "Replace \(inQuotes(pattern))"
    }

    /// With the settings that a file may leave out.
    private static func complete(_ section: JSONValue, _ type: String) -> JSONValue {
        var settings = section.object ?? JSONObject()
        func fill(_ key: String, _ standard: JSONValue) {
            if settings[key]?.isNull ?? true { settings[key] = standard }
        }
        switch type {
        case "BertNormalizer":
            fill("lowercase", .bool(true))
            fill("strip_accents", settings["lowercase"] ?? .bool(true))
            fill("clean_text", .bool(true))
            fill("handle_chinese_chars", .bool(true))
        case "Strip":
            fill("strip_left", .bool(true))
            fill("strip_right", .bool(true))
        case "Metaspace":
            fill("prepend_scheme", .string("always"))
            fill("split", .bool(true))
            // Older names
            settings["add_prefix_space"] = nil
            settings["str_rep"] = nil
        case "ByteLevel":
            fill("add_prefix_space", .bool(true))
            fill("use_regex", .bool(true))
            settings["trim_offsets"] = nil
        case "Punctuation": fill("behavior", .string("Isolated"))
        case "Digits": fill("individual_digits", .bool(false))
        case "Split":
            fill("invert", .bool(false))
            // Older files of CLIP lack what finds nothing, since added tokens are found before.
            let special = #"<\|startoftext\|>|<\|endoftext\|>|"#
            if let text = settings["pattern"]?["Regex"]?.string, text.hasPrefix(special) {
                settings["pattern"] = .object(["Regex": .string(String(text.dropFirst(special.count)))])
            }
        default: break
        }
        return .object(settings)
    }

    // MARK: Pre-tokenizer, template, model

    private var splitting: [String] {
        func steps(_ section: JSONValue?) -> [Step] {
            guard let section, let type = section["type"]?.string else { return [] }
            if type == "Sequence" { return (section["pretokenizers"]?.array ?? []).flatMap(steps) }
            return [Step(name: oneLine(type, limit: 40), settings: Self.complete(section, type))]
        }
        let (old, new) = (steps(stored["pre_tokenizer"]), steps(made["pre_tokenizer"]))
        if old == new { return [] }
        guard old.map(\.name) == new.map(\.name) else {
            return ["pre-tokenizer \(Self.list(new)) instead of \(Self.list(old))"]
        }
        return zip(old, new).flatMap { old, new -> [String] in
            (new.settings.object?.members ?? []).filter { old.settings[$0.key] != $0.value }.map {
                "\($0.key) \(Self.told($0.value)) instead of \(Self.told(old.settings[$0.key]))"
            }
        }
    }

    private static func told(_ value: JSONValue?) -> String {
        (value?.string ?? value?["Regex"]?.string ?? value?["String"]?.string).map { inQuotes($0) } ?? value?
            .bool.map { "\($0)" } ?? value?.int.map { "\($0)" }
            ?? "none"
    }

    private var template: [String] {
        func read(_ root: JSONValue) -> PostProcessor? {
            // Apart from the vocabulary, which may be large and would be copied.
            var added = TokenizerFile.Index([])
            for entry in root["added_tokens"]?.array ?? [] {
                guard let text = entry["content"]?.string,
                    let id = entry["id"]?.int.flatMap({ Int32(exactly: $0) })
                else { continue }
                added.add([AddedToken(text: text, id: id)])
            }
            return try? PostProcessor(
                root["post_processor"], idOf: { added.id(of: $0) ?? vocabulary.id(of: $0) }, "")
        }
        guard let new = read(made) else { return [] }
        guard let old = read(stored), old.template == new.template else {
            return ["other special tokens around a text than its post_processor has"]
        }
        if old.trimming == new.trimming { return [] }
        let (isOn, wasOn) = (new.trimming != nil, old.trimming != nil)
        return isOn == wasOn ? [] : ["trim_offsets \(isOn) instead of \(wasOn)"]
    }

    private var model: [String] {
        let (old, new) = (stored["model"], made["model"])
        let usual: [(key: String, value: JSONValue)]
        switch new?["type"]?.string {
        case "WordPiece":
            usual = [
                ("unk_token", .string("[UNK]")), ("continuing_subword_prefix", .string("##")),
                ("max_input_chars_per_word", JSONValue(100)),
            ]
        case "BPE":
            usual = [
                ("continuing_subword_prefix", .string("")), ("end_of_word_suffix", .string("")),
                ("byte_fallback", .bool(false)), ("ignore_merges", .bool(false)),
            ]
        case "WordLevel": usual = [("unk_token", .string("<unk>"))]
        default: usual = [("unk_id", JSONValue(0)), ("byte_fallback", .bool(false))]
        }
        return usual.compactMap { key, standard in
            func value(_ model: JSONValue?) -> JSONValue {
                model?[key].flatMap { $0.isNull ? nil : $0 } ?? standard
            }
            if value(old) == value(new) { return nil }
            return "\(key) \(Self.told(value(new))) instead of \(Self.told(value(old)))"
        }
    }

    // MARK: Added tokens

    private var addedTokens: [String] {
        func entries(_ root: JSONValue) -> [[UInt8]: JSONValue] {
            let list = root["added_tokens"]?.array ?? []
            return Dictionary(
                list.compactMap { entry in entry["content"]?.string.map { (Array($0.utf8), entry) } }
            ) { $1 }
        }
        let (old, new) = (entries(stored), entries(made))
        func shown(_ tokens: [JSONValue]) -> String {
            let names = tokens.compactMap { $0["content"]?.string }.sorted()
            return names.prefix(3).map { inQuotes($0) }.joined(separator: ", ")
                + (names.count > 3 ? ", …" : "")
        }
        var lines: [String] = []
        let lost = old.filter { new[$0.key] == nil }
        if !lost.isEmpty { lines.append("without its added tokens \(shown(Array(lost.values)))") }
        let changed = new.filter { token in
            guard let other = old[token.key] else { return false }
            return ["lstrip", "rstrip", "single_word", "normalized"].contains {
                (token.value[$0]?.bool ?? false) != (other[$0]?.bool ?? false)
            }
        }
        if !changed.isEmpty {
            lines.append(
                "another lstrip, rstrip, single_word or normalized for \(shown(Array(changed.values)))")
        }
        return lines
    }
}
