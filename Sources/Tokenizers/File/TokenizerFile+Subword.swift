import ModelFiles

/// BPE (RoBERTa, decoders, CLIP), Unigram (XLM-R, ALBERT, DeBERTa-v2 and -v3) and whole words.
extension TokenizerFile {
    init(bytePairs root: JSONValue, _ path: String) throws {
        let vocabulary = try Self.numberedVocabulary(root["model"], path)
        let model = try Self.bytePairEncoding(root["model"], Index(vocabulary), path)
        try self.init(subword: root, vocabulary, .bytePair(model), unknownID: model.unknownID, path)
    }

    init(unigram root: JSONValue, _ path: String) throws {
        let scored = try Self.scoredVocabulary(root["model"], path)
        let model = try Self.unigram(root["model"], scored, path)
        let vocabulary = scored.enumerated().map { (token: $0.element.token, id: Int32($0.offset)) }
        try self.init(subword: root, vocabulary, .unigram(model), unknownID: model.unknownID, path)
    }

    init(wordLevel root: JSONValue, _ path: String) throws {
        let vocabulary = try Self.numberedVocabulary(root["model"], path)
        let index = Index(vocabulary)
        let unknown = try readSetting(root["model"], "unk_token", "<unk>", \.string, path)
        let model = WordLevel(words: index.byBytes, unknownID: try index.requiredID(of: unknown, path))
        try self.init(subword: root, vocabulary, .wordLevel(model), unknownID: model.unknownID, path)
    }

    private init(
        subword root: JSONValue, _ vocabulary: [(token: String, id: Int32)], _ model: SubwordModel,
        unknownID: Int32?, _ path: String
    ) throws {
        let normalizers = try NormalizerList.read(root["normalizer"], path)
        let preTokenizers = try PreTokenizerList.read(root["pre_tokenizer"], path)
        var index = Index(vocabulary)
        let added = try Self.addedTokens(
            root["added_tokens"]?.array ?? [], index, vocabularyCount: vocabulary.count, path)
        index.add(added)
        let processor = try PostProcessor(root["post_processor"], idOf: index.id, path)
        let padding = try readSetting(root["padding"], "pad_token", "", \.string, path)
        let candidates = padding.isEmpty ? ["[PAD]", "<pad>"] : [padding]
        self.init(
            path: path, vocabulary: vocabulary, addedTokens: added,
            pipeline: .subword(normalizers, preTokenizers, model),
            processor: (processor.template, processor.trimming), unknownID: unknownID,
            paddingID: candidates.lazy.compactMap(index.id).first,
            decoding: try DecodingList.read(root["decoder"], path))
    }

    private static func numberedVocabulary(
        _ model: JSONValue?, _ path: String
    ) throws -> [(token: String, id: Int32)] {
        guard let tokens = model?["vocab"]?.object else {
            throw TokenizerError(file: path, problem: "there is no model.vocab")
        }
        return try checked(tokens.members.map { ($0.key, $0.value.int) }, path)
    }

    private static func bytePairEncoding(
        _ model: JSONValue?, _ index: Index, _ path: String
    ) throws -> BytePairEncoding {
        func refuse(_ what: String) -> TokenizerError {
            TokenizerError(
                file: path, problem: "\(what) of a BPE model is not supported",
                advice: families)
        }
        if let dropout = model?["dropout"], !dropout.isNull, dropout.double != 0 { throw refuse("dropout") }
        let prefix = "continuing_subword_prefix"
        if try !readSetting(model, prefix, "", \.string, path).isEmpty { throw refuse(prefix) }
        let wordEnd = try readSetting(model, "end_of_word_suffix", "", \.string, path)
        let unknown = try readSetting(model, "unk_token", "", \.string, path)
        let alphabet = alphabet(index)
        let lastAlphabet = wordEnd.isEmpty ? alphabet : Self.alphabet(index, before: Array(wordEnd.utf8))
        // The library asks for the unknown token only when a text needs it.
        let unknownID = unknown.isEmpty ? nil : index.id(of: unknown)
        if !unknown.isEmpty, unknownID == nil,
            !ByteLevel.scalars.allSatisfy({ alphabet[$0] != nil && lastAlphabet[$0] != nil })
        {
            throw TokenizerError(file: path, problem: "the vocabulary has no \(inQuotes(unknown)) token")
        }
        let fallsBack = try readSetting(model, "byte_fallback", false, \.bool, path)
        // The library would spell the bytes of the suffix too.
        if fallsBack && !wordEnd.isEmpty { throw refuse("byte_fallback beside end_of_word_suffix") }
        let byteIDs = (0..<(fallsBack ? 256 : 0)).map { index.id(of: ByteToken.name(of: UInt8($0))) }
        let ignoresMerges = try readSetting(model, "ignore_merges", false, \.bool, path)
        return BytePairEncoding(
            alphabet: alphabet, merges: try merges(model?["merges"], index, path), unknownID: unknownID,
            fusesUnknown: try readSetting(model, "fuse_unk", false, \.bool, path),
            wholeWords: ignoresMerges ? index.byBytes : [:], byteIDs: byteIDs, lastAlphabet: lastAlphabet)
    }

    /// The tokens of single scalars, or of those that stand alone before the end of a word.
    private static func alphabet(_ index: Index, before end: [UInt8] = []) -> [Unicode.Scalar: Int32] {
        var alphabet: [Unicode.Scalar: Int32] = [:]
        for (token, id) in index.byBytes where token.count > end.count && token.suffix(end.count) == end[...]
        {
            let scalars = String(decoding: token.dropLast(end.count), as: UTF8.self).unicodeScalars
            if scalars.count == 1, let scalar = scalars.first { alphabet[scalar] = id }
        }
        return alphabet
    }

    /// Each merge is "a b" or, in newer files, ["a", "b"].
    private static func merges(
        _ section: JSONValue?, _ index: Index, _ path: String
    ) throws -> [(left: Int32, right: Int32, id: Int32)] {
        guard let entries = section?.array else {
            throw TokenizerError(file: path, problem: "there is no model.merges")
        }
        return try entries.filter { !($0.string?.hasPrefix("#version") ?? false) }.enumerated().map {
            number, entry in
            let parts =
                entry.string.map { text in
                    text.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false).map {
                        String(decoding: $0, as: UTF8.self)
                    }
                } ?? (entry.array ?? []).compactMap(\.string)
            guard parts.count == 2 else {
                throw TokenizerError(file: path, problem: "merge \(number + 1) is not a pair of tokens")
            }
            return (
                try index.requiredID(of: parts[0], path), try index.requiredID(of: parts[1], path),
                try index.requiredID(of: parts[0] + parts[1], path)
            )
        }
    }

    private static func scoredVocabulary(
        _ model: JSONValue?, _ path: String
    ) throws -> [(token: String, score: Double)] {
        guard let entries = model?["vocab"]?.array else {
            throw TokenizerError(file: path, problem: "there is no model.vocab")
        }
        try checkCount(entries.count, path)
        return try entries.enumerated().map { number, entry in
            guard let pair = entry.array, pair.count == 2, let token = pair[0].string,
                let score = pair[1].double
            else {
                throw TokenizerError(
                    file: path, problem: "entry \(number) of the vocabulary is not a token and a score")
            }
            try checkLength(token, path)
            return (token, Self.asLibraryReads(score))
        }
    }

    private static func unigram(
        _ model: JSONValue?, _ vocabulary: [(token: String, score: Double)], _ path: String
    ) throws -> Unigram {
        let unknownID = try readSetting(model, "unk_id", -1, \.int, path)
        guard vocabulary.indices.contains(unknownID) else {
            throw TokenizerError(
                file: path,
                problem: "unk_id is \(unknownID), the vocabulary has the ids 0 to \(vocabulary.count - 1)")
        }
        return Unigram(
            vocabulary: vocabulary, unknownID: Int32(unknownID),
            fallsBackToBytes: try readSetting(model, "byte_fallback", false, \.bool, path))
    }

    /// The library reads a decimal number as its digits times a power of ten, rounded twice. That is off by
    /// one unit in the last place now and then, which decides between two cuts of a word with equal scores.
    private static func asLibraryReads(_ value: Double) -> Double {
        // The shortest decimal text of a number, which files have: "12.5" or "1.25e-07".
        let parts = value.magnitude.description.split(separator: "e")
        let exponent = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
        let decimals = parts[0].split(separator: ".")
        let fraction = decimals.count > 1 && decimals[1] != "0" ? decimals[1] : ""
        let power = exponent - fraction.count
        guard let digits = UInt64(decimals[0] + fraction), let scale = Double("1e\(abs(power))"),
            scale.isFinite
        else { return value }
        let result = power < 0 ? Double(digits) / scale : Double(digits) * scale
        return value < 0 ? -result : result
    }
}
