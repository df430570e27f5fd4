import Foundation

/// One or two texts as token ids, special tokens included.
package struct Encoding: Sendable, Equatable {
    package let ids: [Int32]
    /// 0 or 1, as the model's template says: BERT's has 1 for the second text and its last special token,
    /// RoBERTa's has 0 throughout.
    package let typeIDs: [Int32]
    /// The UTF-8 bytes of its own text that each token stands for; empty for the special tokens around the
    /// texts.
    package let offsets: [Range<Int>]
    /// Tokens that did not fit; 0 when nothing was cut.
    package let truncatedTokens: Int
}

/// A WordPiece, BPE, Unigram or WordLevel tokenizer, with the ids of Hugging Face's `tokenizers` library, or for the vocabulary of a
/// GGUF file those of llama.cpp.
package struct Tokenizer: Sendable {
    /// Largest id + 1.
    package let vocabularySize: Int
    /// The id of the padding token, nil when the vocabulary has none; `encode` never pads.
    package let paddingID: Int32?
    /// The id of the token for unknown text, nil when the vocabulary has none.
    package let unknownID: Int32?

    /// What a person should know of how the folder's files were read together, one line each.
    package let notes: [String]
    /// What a person should know where rows have two texts and the model tells types apart.
    package var typeNote: String?
    /// The longest sequence that the folder's files allow, special tokens included; nil where they do not say.
    package let longestSequence: Int?
    /// Largest id + 1 of the vocabulary and the added tokens that stand with it; further tokens come from side files.
    package let storedSize: Int
    /// Of the model; a token whose id is not below it cannot be looked up.
    package var embeddingRows = Int.max

    let pipeline: TextPipeline
    let cutsStart: Bool
    private let isWithoutLibrary: Bool
    let template: Template
    private let trimming: ByteLevelTrimming?
    private let originalTokens: AddedTokens
    private let normalizedTokens: AddedTokens
    let tokenNames: [Int32: String]
    /// The ids of the added tokens by UTF-8 bytes.
    let addedIDs: [[UInt8]: Int32]
    /// Control tokens: part of no text.
    let specialIDs: Set<Int32>
    let decoding: [DecodingStep]
    /// As the library spells added tokens when it decodes: those that are looked for in normalized text as they are there.
    let normalizedNames: [Int32: String]
    /// What begins and ends a text for the model, as its files say; nil where they do not.
    package let bosID: Int32?
    package let eosID: Int32?
    /// The token that ends a turn, where a GGUF file names one.
    package let eotID: Int32?

    /// Reads `tokenizer.json`, or else `vocab.txt`, or `vocab.json` with `merges.txt`, each with the settings and tokens of
    /// the files beside it as transformers reads them. Throws `TokenizerError`, or `ModelFileError` for a file that
    /// cannot be read or is not JSON.
    package init(folder: URL) throws {
        try self.init(TokenizerFolder(folder))
    }

    init(_ folder: TokenizerFolder) throws {
        try self.init(folder.file, folder.habits, notes: folder.notes, typeNote: folder.typeNote)
    }

    init(_ file: TokenizerFile, _ habits: TokenizerHabits, notes: [String], typeNote: String?) throws {
        self.notes = notes
        self.typeNote = typeNote
        longestSequence = habits.longest
        cutsStart = habits.cutsStart
        isWithoutLibrary = habits.isWithoutLibrary
        pipeline = file.pipeline
        template = habits.givesTypes ? file.template : file.template.withoutTypes
        trimming = file.trimming
        unknownID = file.unknownID
        paddingID = file.paddingID
        let wanted = file.addedTokens.filter { !(habits.splitsSpecialTokens && $0.isSpecial) }
        originalTokens = AddedTokens(
            wanted.filter { !$0.isNormalized }.map { (Array($0.text.unicodeScalars), $0) },
            isLongestFirst: habits.findsLongestFirst)
        let inNormalized = try Self.normalized(wanted.filter(\.isNormalized), file)
        normalizedTokens = AddedTokens(inNormalized)
        normalizedNames = Dictionary(
            inNormalized.map { entry in
                (entry.token.id, String(String.UnicodeScalarView(entry.scalars)))
            }
        ) { $1 }
        var names: [Int32: String] = [:]
        for (token, id) in file.vocabulary { names[id] = token }
        for token in file.addedTokens { names[token.id] = token.text }
        tokenNames = names
        vocabularySize = Int(names.keys.max() ?? -1) + 1
        storedSize = habits.storedCount ?? vocabularySize
        decoding = file.decoding
        specialIDs = Set(file.addedTokens.filter(\.isSpecial).map(\.id))
        addedIDs = Dictionary(file.addedTokens.map { (Array($0.text.utf8), $0.id) }) { $1 }
        (bosID, eosID, eotID) = (habits.roles.bos, habits.roles.eos, habits.roles.eot)
    }

    /// Of a model that reads no text, in which every text is without a token.
    package static let ofNoText = Tokenizer()

    private init() {
        (notes, typeNote, longestSequence, cutsStart, isWithoutLibrary) = ([], nil, nil, false, false)
        pipeline = .subword(
            [], [NoWords()],
            .bytePair(
                BytePairEncoding(
                    alphabet: [:], merges: [], unknownID: nil, fusesUnknown: false, wholeWords: [:])))
        (template, trimming) = (.plain, nil)
        (unknownID, paddingID) = (nil, nil)
        (originalTokens, normalizedTokens, normalizedNames) = (AddedTokens([]), AddedTokens([]), [:])
        (tokenNames, vocabularySize, storedSize) = ([:], 0, 0)
        (decoding, specialIDs, addedIDs) = ([], [], [:])
        (bosID, eosID, eotID) = (nil, nil, nil)
    }

    private struct NoWords: PreTokenizer {
        func split(_ text: ArraySlice<LocatedScalar>) -> [ArraySlice<LocatedScalar>] { [] }
    }

    /// The added tokens that are looked for in normalized text, each with its own normalized scalars.
    private static func normalized(
        _ tokens: [AddedToken], _ file: TokenizerFile
    ) throws -> [(scalars: [Unicode.Scalar], token: AddedToken)] {
        var seen: [[Unicode.Scalar]: String] = [:]
        return try tokens.map { token in
            let located = file.pipeline.normalize(LocatedScalar.scalars(of: token.text)[...])
            let scalars = located.map(\.scalar)
            guard !scalars.isEmpty else {
                throw TokenizerError(
                    file: file.path,
                    problem: "nothing is left of added token \(inQuotes(token.text)) once it is normalized")
            }
            // Which of the two the library finds changes from run to run.
            if let twin = seen.updateValue(token.text, forKey: scalars) {
                throw TokenizerError(
                    file: file.path,
                    problem:
                        "added tokens \(inQuotes(twin)) and \(inQuotes(token.text)) are the same once normalized"
                )
            }
            return (scalars, token)
        }
    }

    /// The token of an id as the vocabulary spells it ("##ing"); nil for an id that it does not have.
    package func token(for id: Int32) -> String? { tokenNames[id] }

    /// The ids of the tokens around every text.
    package var templateIDs: [Int32] { template.ids }

    /// How many tokens `encode` adds to those of the text or texts: the least that `maxLength` may be.
    package func specialTokenCount(isPair: Bool) -> Int { template.specialTokenCount(isPair: isPair) }

    /// The tokens of one text or two with the special tokens of the model around them, `[CLS] text [SEP]` or
    /// `<s> text </s></s> pair </s>` for instance, at most `maxLength` in all. What does not fit is cut at the
    /// end (at the start where the folder's `truncation_side` is left), of a pair the longer text first, and counted.
    /// `maxLength` is at least `specialTokenCount`.
    package func encode(_ text: String, pair: String? = nil, maxLength: Int) -> Encoding {
        let special = specialTokenCount(isPair: pair != nil)
        let limit = maxLength - special
        precondition(limit >= 0, "\(maxLength) tokens cannot hold \(special) special tokens")
        var first = tokens(of: text, by: pipeline)
        var second = pair.map { tokens(of: $0, by: pipeline) } ?? TokenList()
        let total = first.count + second.count
        if pair != nil {
            let (keptFirst, keptSecond) = longestFirst(first.count, second.count, limit: limit)
            first.cut(to: keptFirst, atStart: cutsStart)
            second.cut(to: keptSecond, atStart: cutsStart)
        } else if first.count > limit {
            first.cut(to: limit, atStart: cutsStart)
        }
        return encoding(
            first, pair == nil ? nil : second, truncatedTokens: total - first.count - second.count)
    }

    /// With the special tokens of the template around it.
    func encoding(_ first: TokenList, _ second: TokenList?, truncatedTokens: Int) -> Encoding {
        var ids: [Int32] = []
        var types: [Int32] = []
        var offsets: [Range<Int>] = []
        func add(_ tokens: TokenList, _ type: Int32) {
            ids += tokens.ids
            types += [Int32](repeating: type, count: tokens.count)
            offsets += tokens.offsets
        }
        var last: Int32?
        for part in template.parts(isPair: second != nil) {
            switch part {
            case .special(let special, let type):
                if isWithoutLibrary, let last, special == [last] { continue }
                add(TokenList(special: special), type)
            case .first(let type):
                add(first, type)
                last = first.ids.last
            case .second(let type):
                add(second ?? TokenList(), type)
                last = second?.ids.last
            }
        }
        return Encoding(ids: ids, typeIDs: types, offsets: offsets, truncatedTokens: truncatedTokens)
    }

    /// How many tokens the template puts before the first text, or before the second.
    func specialTokens(beforeSecond: Bool) -> Int {
        var count = 0
        for part in template.parts(isPair: beforeSecond) {
            switch part {
            case .special(let ids, _): count += ids.count
            case .first: if !beforeSecond { return count }
            case .second: return count
            }
        }
        return count
    }

    /// How many tokens of each text stay: the longer one gives way, then both, as `longest_first` does.
    private func longestFirst(_ first: Int, _ second: Int, limit: Int) -> (Int, Int) {
        if first + second <= limit { return (first, second) }
        if isWithoutLibrary {
            let kept = min(first, max(limit - second, (limit + 1) / 2))
            return (kept, limit - kept)
        }
        let short = min(first, second)
        var keptShort = short
        var keptLong = short > limit ? short : max(short, limit - short)
        if keptShort + keptLong > limit {
            keptShort = limit / 2
            keptLong = keptShort + limit % 2
        }
        return first > second ? (keptLong, keptShort) : (keptShort, keptLong)
    }

    /// Without the special tokens of the template. Added tokens are looked for in the original text, then in
    /// the normalized pieces between them.
    func tokens(of text: String, by pipeline: TextPipeline) -> TokenList {
        var data = DataRanges()
        var output = tokens(of: text, by: pipeline, data: &data)
        trimming?.trim(&output, of: text, names: tokenNames)
        return output
    }

    /// Without `trimming`. Special tokens that touch data are plain text.
    func tokens(of text: String, by pipeline: TextPipeline, data: inout DataRanges) -> TokenList {
        var output = TokenList()
        for piece in originalTokens.split(LocatedScalar.scalars(of: text)[...], data: &data) {
            switch piece {
            case .token(let id, let place): append(id, place, to: &output)
            case .text(let segment): encode(pipeline.normalize(segment), by: pipeline, &data, into: &output)
            }
        }
        return output
    }

    /// A text without added tokens, normalized and pre-tokenized: what the model gets.
    package func words(of text: String) -> [[Unicode.Scalar]] {
        let normalized = pipeline.normalize(LocatedScalar.scalars(of: text)[...])
        return pipeline.words(normalized[...]).map { $0.map(\.scalar) }
    }

    private func encode(
        _ normalized: [LocatedScalar], by pipeline: TextPipeline, _ data: inout DataRanges,
        into output: inout TokenList
    ) {
        for piece in normalizedTokens.split(normalized[...], data: &data) {
            switch piece {
            case .token(let id, let place): append(id, place, to: &output)
            case .text(let text): pipeline.encode(text, into: &output)
            }
        }
    }

    private func append(_ id: Int32, _ place: ArraySlice<LocatedScalar>, to output: inout TokenList) {
        if trimming != nil {
            output.addedEdges[output.count] = ByteLevelTrimming.edges(of: place.map(\.scalar))
        }
        output.addedIndexes.insert(output.count)
        output.append(id, place)
    }
}
