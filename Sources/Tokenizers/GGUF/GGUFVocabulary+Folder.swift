import Foundation
import Messages
import ModelFiles

extension GGUFVocabulary {
    /// The vocabulary of a folder's tokenizer, as llama.cpp's converter writes it. Which of llama.cpp's ways to split a text
    /// is the folder's is found out by texts on which it must give the same tokens.
    ///
    /// - Parameters:
    ///   - tokenizer: of the folder
    ///   - size: rows of the model's embeddings; those without a token get one that no text has.
    ///   - types: how many types of tokens an encoder has; nil for a decoder.
    /// - Throws: `TokenizerError` for a tokenizer that llama.cpp would read otherwise.
    package init(folder: URL, _ tokenizer: Tokenizer, size: Int, types: Int? = nil) throws {
        let opened = try TokenizerFolder(folder)
        let path = opened.file.path
        if let types {
            switch opened.file.pipeline {
            case .bert(let normalizer, _): try self.init(wordPieces: opened, normalizer, size: size)
            case .subword(_, _, .unigram): try self.init(unigram: opened, size: size)
            default:
                try self.init(folder: folder, tokenizer, size: size)
                if pre == Self.gpt2 { pre = "roberta-bpe" }
            }
            // llama.cpp opens no encoder without.
            typeCount = max(types, 1)
            try takeFrame(opened)
            self = try choosing(like: tokenizer, path, nil)
            return
        }
        guard case .subword(_, let preTokenizers, .bytePair(let model)) = opened.file.pipeline else {
            throw TokenizerError(
                file: path, problem: "llama.cpp's language models have no tokenizer of this kind",
                advice: "llama.cpp reads BPE of bytes, and SentencePiece's BPE")
        }
        let isByteLevel = preTokenizers.contains { $0 is ByteLevel }
        guard isByteLevel || model.byteIDs.count == 256 else {
            throw TokenizerError(
                file: path, problem: "the vocabulary has no tokens for bytes",
                advice: "llama.cpp reads BPE of bytes, and SentencePiece's BPE")
        }
        let names = try Self.names(opened.file, size: size)
        self.init(
            model: isByteLevel ? "gpt2" : "llama", pre: isByteLevel ? nil : "default", tokens: names.tokens)
        tokenTypes = names.types
        unknownID = opened.file.unknownID
        paddingID = opened.file.paddingID
        try takeRoles(opened, folder)
        let pairs = try Self.merges(opened.made["model"]?["merges"], path)
        if isByteLevel {
            merges = pairs.map { "\($0.left) \($0.right)" }
            if unknownID.map({ !tokenizer.isSpecial($0) }) ?? false { unknownID = nil }
        } else {
            scores = Self.scores(pairs, tokens)
            markWhiteSpace(opened.file)
        }
        self = try choosing(like: tokenizer, path, model)
    }

    /// llama.cpp's name of GPT-2's way to split
    private static let gpt2 = "gpt-2"

    // MARK: Tokens

    /// Names and types by id; a token that is only added, or by the looks of it, for control is one (`get_vocab_base`).
    static func names(_ file: TokenizerFile, size: Int) throws -> (tokens: [String], types: [Int32]) {
        var tokens = (0..<size).map { "[PAD\($0)]" }
        var types = [Int32](repeating: 5, count: size)
        func put(_ token: String, _ id: Int32, _ type: Int32) throws {
            guard tokens.indices.contains(Int(id)) else {
                throw TokenizerError(
                    file: file.path,
                    problem: "token \(inQuotes(token)) has the id \(id), the model has \(size) words")
            }
            (tokens[Int(id)], types[Int(id)]) = (token, type)
        }
        for (token, id) in file.vocabulary {
            let isByte = ByteToken.byte(of: token) != nil
            try put(token, id, id == file.unknownID ? 2 : isByte ? 6 : 1)
        }
        for token in file.addedTokens where token.id != file.unknownID {
            try put(token.text, token.id, token.isSpecial || looksLikeControl(token.text) ? 3 : 4)
        }
        return (tokens, types)
    }

    /// Some models add control tokens as if they were text.
    private static func looksLikeControl(_ text: String) -> Bool {
        ["<pad>", "<mask>", "<2mass>", "[@BOS@]"].contains(text)
            || [("<|", "|>"), ("<｜", "｜>"), ("<unused", ">")].contains {
                text.hasPrefix($0.0) && text.hasSuffix($0.1)
            }
    }

    /// llama.cpp looks for added tokens in the text as it stands, where a space is none of SentencePiece's marks.
    private mutating func markWhiteSpace(_ file: TokenizerFile) {
        for token in file.addedTokens where tokenTypes[Int(token.id)] == 4 {
            tokens[Int(token.id)] = token.text.replacing("\u{2581}", with: " ")
        }
    }

    private static func merges(_ value: JSONValue?, _ path: String) throws -> [(left: String, right: String)]
    {
        try (value?.array ?? []).map { entry in
            let parts =
                entry.array?.compactMap(\.string)
                ?? entry.string?.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false).map(
                    String.init)
            guard let parts, parts.count == 2 else {
                throw TokenizerError(file: path, problem: "a merge is no pair of tokens")
            }
            return (parts[0], parts[1])
        }
    }

    /// SentencePiece merges what makes the token of the highest score: that of the earliest merge.
    private static func scores(_ merges: [(left: String, right: String)], _ tokens: [String]) -> [Float] {
        var rank: [[UInt8]: Int] = [:]
        for (place, merge) in merges.enumerated() {
            let token = Array((merge.left + merge.right).utf8)
            if rank[token] == nil { rank[token] = place }
        }
        return tokens.map { token in -Float(rank[Array(token.utf8)] ?? (1 << 22)) }
    }

    // MARK: Roles

    /// The tokens that begin and end texts: of the tokenizer's files, else of `config.json`.
    private mutating func takeRoles(_ opened: TokenizerFolder, _ folder: URL) throws {
        let file = folder.appendingPathComponent("config.json")
        let config = FileManager.default.fileExists(atPath: file.path) ? try JSONValue.read(file) : nil
        func id(_ key: String) -> Int32? {
            let value = config?[key]
            return (value?.int ?? value?.array?.first?.int).flatMap { Int32(exactly: $0) }.flatMap {
                tokens.indices.contains(Int($0)) ? $0 : nil
            }
        }
        bosID = opened.habits.roles.bos ?? id("bos_token_id")
        eosID = opened.habits.roles.eos ?? id("eos_token_id")
        var around: (before: [Int32], after: [Int32]) = ([], [])
        var isBefore = true
        for part in opened.file.template.single {
            switch part {
            case .special(let ids, _) where isBefore: around.before += ids
            case .special(let ids, _): around.after += ids
            case .first, .second: isBefore = false
            }
        }
        if let first = around.before.first, bosID == nil || around.before == [first] { bosID = first }
        if let last = around.after.last, eosID == nil { eosID = last }
        guard around.before.isEmpty || around.before == [bosID],
            around.after.isEmpty || around.after == [eosID]
        else {
            throw TokenizerError(
                file: opened.file.path,
                problem: "other tokens stand around a text than one that begins and one that ends it",
                advice: "llama.cpp puts no others there")
        }
        (addBOS, addEOS) = (!around.before.isEmpty, !around.after.isEmpty)
    }

    // MARK: Comparing

    /// The same with the way of splitting, or of marking the first space, that gives the tokens of the folder's tokenizer for all
    /// texts of ASCII. Beyond that llama.cpp's own ways are now and then others than those that they stand for.
    ///
    /// - Parameter folder: whose ways to split are all tried; nil where that is known.
    private func choosing(like tokenizer: Tokenizer, _ path: String, _ folder: BytePairEncoding?) throws
        -> GGUFVocabulary
    {
        let probes = tokenizer.probes(isScored: model == "llama").plain
        var closest: (text: String, count: Int)?
        for candidate in try candidates(like: tokenizer, path, folder) {
            let made = try Tokenizer(gguf: candidate, name: path)
            guard let place = probes.firstIndex(where: { !tokenizer.agrees(with: made, on: $0) }) else {
                return candidate
            }
            if place >= closest?.count ?? 0 { closest = (probes[place], place) }
        }
        throw TokenizerError(
            file: path,
            problem:
                "llama.cpp has no way to split texts that gives this tokenizer's tokens; the nearest differs on "
                + inQuotes(closest?.text ?? ""),
            advice: "run the model where transformers runs it")
    }

    /// Those first that make the same words of most texts, whatever the vocabulary makes of them; of equal ones those that treat
    /// whole words alike.
    private func candidates(like tokenizer: Tokenizer, _ path: String, _ folder: BytePairEncoding?) throws
        -> [GGUFVocabulary]
    {
        func changed(_ change: (inout GGUFVocabulary) -> Void) -> GGUFVocabulary {
            var copy = self
            change(&copy)
            return copy
        }
        guard let folder, model == "gpt2" else {
            let spaces = ["llama", "t5"].contains(model) ? [true, false] : [addSpacePrefix]
            let extra = model == "t5" ? [true, false] : [removesExtraSpaces]
            return spaces.flatMap { adds in
                extra.map { removes in
                    changed { ($0.addSpacePrefix, $0.removesExtraSpaces) = (adds, removes) }
                }
            }
        }
        let texts = TokenizerProbes.texts
        let words = texts.map { tokenizer.words(of: $0) }
        let ranked = try GGUFSplitting.all.enumerated().map { place, entry in
            let splits = try entry.splitting.expressions.map {
                Split(expression: try readExpression($0, "tokenizer.ggml.pre", path, edition: .llamaCpp))
            }
            let pipeline = TextPipeline.subword(
                [],
                splits as [any PreTokenizer] + [ByteLevel(addsPrefixSpace: false, splitsWords: false)],
                .bytePair(folder))
            let same = zip(texts, words).count { text, words in
                let own = pipeline.words(LocatedScalar.scalars(of: text)[...])
                return own.map { $0.map(\.scalar) } == words
            }
            let treatsAlike = entry.splitting.ignoresMerges == !folder.wholeWords.isEmpty
            return (name: entry.names.first, same: same, alike: treatsAlike ? 1 : 0, place: place)
        }
        return ranked.sorted { ($1.same, $1.alike, $0.place) < ($0.same, $0.alike, $1.place) }.map { entry in
            changed { $0.pre = entry.name }
        }
    }
}

extension Tokenizer {
    /// Texts on which another tokenizer must give the same tokens to be this one, those of ASCII, and others on which it should.
    ///
    /// - Parameter isScored: the tokens are SentencePiece's, which has its own idea of the space that a text begins with.
    fileprivate func probes(isScored: Bool) -> (plain: [String], others: [String]) {
        let added = Set(addedIDs.values)
        let words = stride(from: 0, to: vocabularySize, by: max(1, vocabularySize / 1_000)).compactMap { id in
            added.contains(Int32(id)) ? nil : decode([Int32(id)], skippingSpecial: false)
        }
        let all = (TokenizerProbes.texts + words).filter {
            !$0.contains("\u{fffd}") && !(isScored && $0.hasPrefix(" "))
        }
        func isPlain(_ text: String) -> Bool { text.utf8.allSatisfy { $0 < 0x80 } }
        return (all.filter(isPlain), all.filter { !isPlain($0) })
    }

    fileprivate func agrees(with other: Tokenizer, on text: String) -> Bool {
        encode(text, maxLength: .max).ids == other.encode(text, maxLength: .max).ids
    }

    /// Where llama.cpp, which reads a written file as `written` does, gives other tokens than this tokenizer all the same; for
    /// people.
    ///
    /// - Throws: `TokenizerError` where it does for plain text.
    package func differences(from written: Tokenizer, in folder: URL) throws -> [String] {
        let isScored = if case .subword(_, _, .scoredPairs) = written.pipeline { true } else { false }
        let probes = probes(isScored: isScored)
        if let text = probes.plain.first(where: { !agrees(with: written, on: $0) }) {
            throw TokenizerError(
                file: folder.path, problem: "the written tokenizer gives other tokens for \(inQuotes(text))",
                advice: "run the model where transformers runs it")
        }
        var lines: [String] = []
        if let text = probes.others.first(where: { !agrees(with: written, on: $0) }) {
            lines.append("llama.cpp splits texts like \(inQuotes(text)) into other tokens")
        }
        if case .bert = pipeline, !agrees(with: written, on: TokenizerProbes.longWord) {
            lines.append(
                "llama.cpp cuts words of more than 100 letters into pieces, which are unknown to this tokenizer"
            )
        }
        if !agrees(with: written, on: TokenizerProbes.decomposed) {
            lines.append("llama.cpp makes no é of e and an accent behind it, as this tokenizer does")
        }
        if !agrees(with: written, on: " a") {
            lines.append("llama.cpp reads the space that a text begins with as other tokens")
        }
        let around = addedIDs.keys.map { String(decoding: $0, as: UTF8.self) }.sorted().prefix(200).flatMap {
            ["a\($0)b", "a \($0) b", "\($0)\n\($0)"]
        }
        if let text = around.first(where: { !agrees(with: written, on: $0) }) {
            lines.append("llama.cpp reads text beside tokens like that in \(inQuotes(text)) as other tokens")
        }
        return lines
    }
}
