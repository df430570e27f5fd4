import ModelFiles

/// The `post_processor` section of a `tokenizer.json`.
struct PostProcessor {
    let template: Template
    let trimming: ByteLevelTrimming?

    /// Throws `TokenizerError` for a processor that this version lacks, and for ids other than those of the
    /// vocabulary.
    init(_ section: JSONValue?, idOf: (String) -> Int32?, _ path: String) throws {
        let type = try readSetting(section, "type", "none", \.string, path)
        switch type {
        case "TemplateProcessing":
            template = try Self.template(section, idOf, path)
            trimming = nil
        case "BertProcessing", "RobertaProcessing":
            let start = try Self.token(section, "cls", type, idOf, path)
            let end = try Self.token(section, "sep", type, idOf, path)
            let isBERT = type == "BertProcessing"
            template = isBERT ? .bert(start: start, end: end) : .roberta(start: start, end: end)
            trimming = isBERT ? nil : try Self.trimming(section, path)
        case "none", "ByteLevel":
            template = .plain
            trimming = type == "none" ? nil : try Self.trimming(section, path)
        case "Sequence":
            // Byte-level tokenizers of other makers write their two steps this way; their order means nothing.
            let steps = section?["processors"]?.array ?? []
            let (bytes, others) = (
                steps.filter { $0["type"]?.string == "ByteLevel" },
                steps.filter { $0["type"]?.string != "ByteLevel" }
            )
            guard bytes.count <= 1, others.count <= 1, others.first?["type"]?.string != "Sequence",
                bytes.isEmpty || others.first?["type"]?.string != "RobertaProcessing"
            else {
                throw TokenizerError(
                    file: path,
                    problem: "post-processor \"Sequence\" is not ByteLevel and one other step")
            }
            let other = try others.first.map { try PostProcessor($0, idOf: idOf, path) }
            template = other?.template ?? .plain
            trimming = try bytes.first.map { try Self.trimming($0, path) } ?? other?.trimming
        default:
            throw TokenizerError(
                file: path, problem: "post-processor \(inQuotes(type)) is not supported",
                advice:
                    "this version reads TemplateProcessing, BertProcessing, RobertaProcessing and ByteLevel")
        }
    }

    private static func trimming(_ section: JSONValue?, _ path: String) throws -> ByteLevelTrimming? {
        let isOn = try readSetting(section, "trim_offsets", true, \.bool, path)
        let adds = try readSetting(section, "add_prefix_space", true, \.bool, path)
        return isOn ? ByteLevelTrimming(addsPrefixSpace: adds) : nil
    }

    private static func token(
        _ section: JSONValue?, _ key: String, _ type: String, _ idOf: (String) -> Int32?, _ path: String
    ) throws -> Int32 {
        guard let entry = section?[key]?.array, entry.count == 2, let name = entry[0].string,
            let id = entry[1].int
        else { throw TokenizerError(file: path, problem: "\(type) lacks cls or sep") }
        return try checked(name, id, idOf, path)
    }

    private static func checked(
        _ token: String, _ id: Int, _ idOf: (String) -> Int32?, _ path: String
    ) throws -> Int32 {
        guard let known = idOf(token) else {
            throw TokenizerError(file: path, problem: "the vocabulary has no \(inQuotes(token)) token")
        }
        guard id == Int(known) else {
            throw TokenizerError(
                file: path,
                problem:
                    "token \(inQuotes(token)) has the id \(id) in one place and \(known) in the vocabulary")
        }
        return known
    }

    private static func template(
        _ section: JSONValue?, _ idOf: (String) -> Int32?, _ path: String
    ) throws -> Template {
        func special(_ name: String) throws -> [Int32] {
            let entry = section?["special_tokens"]?[name]
            guard let ids = entry?["ids"]?.array?.map(\.int), let tokens = entry?["tokens"]?.array,
                ids.count == tokens.count
            else {
                throw TokenizerError(
                    file: path, problem: "the template has no special token \(inQuotes(name))")
            }
            return try zip(tokens, ids).map { try checked($0.string ?? "", $1 ?? -1, idOf, path) }
        }
        func parts(_ key: String) throws -> [Template.Part] {
            try (section?[key]?.array ?? []).map { entry in
                let type = (entry["SpecialToken"] ?? entry["Sequence"])?["type_id"]?.int
                guard let type, (0...1).contains(type) else {
                    throw TokenizerError(
                        file: path, problem: "a part of the template \(key) has no type 0 or 1")
                }
                if let name = entry["SpecialToken"]?["id"]?.string {
                    return .special(try special(name), type: Int32(type))
                }
                return entry["Sequence"]?["id"]?.string == "B"
                    ? .second(type: Int32(type)) : .first(type: Int32(type))
            }
        }
        let template = Template(single: try parts("single"), pair: try parts("pair"))
        guard template.single.textCounts == (1, 0), template.pair.textCounts == (1, 1)
        else {
            throw TokenizerError(
                file: path, problem: "the template does not hold A once for one text, A and B once for two")
        }
        return template
    }
}

extension [Template.Part] {
    /// How often the first and the second text stand among the parts.
    fileprivate var textCounts: (first: Int, second: Int) {
        reduce(into: (0, 0)) { counts, part in
            switch part {
            case .special: break
            case .first: counts.0 += 1
            case .second: counts.1 += 1
            }
        }
    }
}
