import Foundation
import Messages
import ModelFiles

/// A folder with a tokenizer, opened as transformers (5.24) opens it.
struct TokenizerFolder {
    let file: TokenizerFile
    /// A `tokenizer.json` that says all that was read.
    let made: JSONValue
    let habits: TokenizerHabits
    /// What a person should know, one line each.
    let notes: [String]
    /// What to know where rows have two texts.
    let typeNote: String?

    /// What the vocabulary is read from.
    private struct Source {
        let path: String
        /// Whether there is a `tokenizer.json`
        let isWhole: Bool
        let root: JSONValue
        /// Of a `vocab.txt`
        var words: [(token: String, id: Int32)]?
    }

    /// - Parameters:
    ///   - configuration: the folder with the model's `config.json`; nil is this one.
    ///   - leavesOut: whether the folder is read as if it had none of `TokenizerFileNames.later`.
    init(_ folder: URL, configuration: URL? = nil, leavesOut: Bool = false) throws {
        let whole = try Self.whole(folder)
        let files = try SideFiles(
            folder: folder, stored: whole?.root, configuration: configuration, leavesOut: leavesOut)
        let source =
            files.kind == .siglip
            ? try Self.pieces(folder, isAlone: whole == nil)
            : try whole ?? Self.parts(folder, wanted: files.kind?.model, leavesOut: leavesOut)
        guard let kind = try Self.kind(files, source) else {
            file = try TokenizerFile(root: source.root, words: nil, source.path)
            made = source.root
            habits = TokenizerHabits()
            (notes, typeNote) = ([], nil)
            return
        }
        let type = TokenizerFile.modelType(source.root)
        if let needed = kind.model, type != needed { throw Self.mismatch(kind, needed, type, source, files) }
        let vocabulary =
            try source.words.map { StoredVocabulary($0) }
            ?? StoredVocabulary(model: source.root["model"], source.path)
        made = try ClassSections(
            kind: kind, files: files, stored: source.root, vocabulary: vocabulary, path: source.path
        ).made()
        file = try TokenizerFile(root: made, words: source.words, source.path)
        var habits = try TokenizerHabits(files, kind, stored: source.root, storedCount: vocabulary.size)
        habits.roles = try Self.roles(files, file)
        self.habits = habits
        let differences =
            source.isWhole
            ? SectionDifferences(stored: source.root, made: made, vocabulary: vocabulary.index).lines : []
        let all = FolderNotes(folder: folder, files: files, kind: kind, added: file.addedTokens)
        let decoderAgrees = try files.unknownClass.flatMap(DecoderClass.init(named:)).map {
            try $0.agrees(with: source.root, files, vocabulary: vocabulary.index)
        }
        notes = all.lines(differences: differences, decoderAgrees: decoderAgrees)
        typeNote = all.typeNote(file.template, habits)
    }

    private static func roles(_ files: SideFiles, _ file: TokenizerFile) throws -> TokenizerHabits.Roles {
        func id(_ key: String) throws -> Int32? {
            guard let text = try files.role(key)?.text else { return nil }
            return file.addedTokens.first { $0.text.utf8.elementsEqual(text.utf8) }?.id
        }
        return TokenizerHabits.Roles(bos: try id("bos_token"), eos: try id("eos_token"))
    }

    /// nil where nothing but `tokenizer.json` says how to read it.
    private static func kind(_ files: SideFiles, _ source: Source) throws -> TokenizerClass? {
        if source.isWhole {
            return files.kind ?? (files.isEmpty ? nil : .stored)
        }
        let implied: TokenizerClass = source.words == nil ? .roberta : .bert
        let kind = files.kind ?? implied
        guard kind == .stored else { return kind }
        let name = files.unknownClass ?? kind.rawValue
        throw TokenizerError(
            file: files.path,
            problem: "tokenizer_class \(inQuotes(name)) needs a tokenizer.json, and there is only "
                + oneLine(URL(fileURLWithPath: source.path).lastPathComponent),
            advice:
                "AutoTokenizer.from_pretrained(\"…\").save_pretrained(\"…\") of transformers writes tokenizer.json, "
                + "if that class has one")
    }

    private static func mismatch(
        _ kind: TokenizerClass, _ needed: String, _ type: String, _ source: Source, _ files: SideFiles
    ) -> TokenizerError {
        guard source.isWhole else {
            let file = URL(fileURLWithPath: source.path).lastPathComponent
            let wanted = needed == "BPE" ? "vocab.json and merges.txt" : "tokenizer.json"
            return TokenizerError(
                file: source.path,
                problem: "transformers opens this folder as \(kind.rawValue), which is not made of \(file)",
                advice: "add \(wanted)")
        }
        return TokenizerError(
            file: source.path,
            problem:
                "the model is \(inQuotes(type)), but transformers opens this folder as \(kind.rawValue), which makes "
                + "\(needed) of any vocabulary",
            advice:
                "if tokenizer.json is right as it stands, say \"tokenizer_class\": \"PreTrainedTokenizerFast\" in "
                + "tokenizer_config.json")
    }

    // MARK: Which file holds the vocabulary

    private static func whole(_ folder: URL) throws -> Source? {
        let json = folder.appendingPathComponent("tokenizer.json")
        guard FileManager.default.fileExists(atPath: json.path) else { return nil }
        let root = try JSONValue.read(json, limits: TokenizerFile.limits)
        // Made here of other files only.
        guard TokenizerFile.modelType(root) != SentencePieces.kind else {
            throw TokenizerError(
                file: json.path, problem: "model type \(inQuotes(SentencePieces.kind)) is not supported",
                advice: "SigLIP's vocabulary is read from \(SentencePieceFile.name)")
        }
        return Source(path: json.path, isWhole: true, root: root)
    }

    /// SigLIP's class reads SentencePiece's file, whatever else there is.
    private static func pieces(_ folder: URL, isAlone: Bool) throws -> Source {
        let file = folder.appendingPathComponent(SentencePieceFile.name)
        guard FileManager.default.fileExists(atPath: file.path) else {
            throw TokenizerError(
                file: folder.path,
                problem:
                    "transformers opens this folder as SiglipTokenizer, which reads spiece.model, and there is none",
                advice: "add the spiece.model that came with the model"
                    + (isAlone
                        ? ""
                        : ", or if tokenizer.json is right as it stands, say \"tokenizer_class\": "
                            + "\"PreTrainedTokenizerFast\" in tokenizer_config.json"),
                isMissing: isAlone)
        }
        let model = try SentencePieceFile(file).section
        return Source(path: file.path, isWhole: false, root: .object(["model": model]))
    }

    private static func parts(_ folder: URL, wanted: String?, leavesOut: Bool) throws -> Source {
        func file(_ name: String) -> URL? {
            if leavesOut && TokenizerFileNames.later.contains(name) { return nil }
            let url = folder.appendingPathComponent(name)
            return FileManager.default.fileExists(atPath: url.path) ? url : nil
        }
        let pairs = file("vocab.json").flatMap { tokens in file("merges.txt").map { (tokens, $0) } }
        if let list = file("vocab.txt"), wanted != "BPE" || pairs == nil {
            let model = JSONValue.object(["type": .string("WordPiece")])
            return Source(
                path: list.path, isWhole: false, root: .object(["model": model]),
                words: try TokenizerFile.words(list))
        }
        if let (tokens, merges) = pairs {
            let vocabulary = try JSONValue.read(tokens, limits: TokenizerFile.limits)
            guard vocabulary.object != nil else {
                throw TokenizerError(file: tokens.path, problem: "this is not a JSON object")
            }
            let model = JSONValue.object([
                "type": .string("BPE"), "vocab": vocabulary,
                "merges": .array(try TokenizerFile.mergeLines(merges).map { .string($0) }),
            ])
            return Source(path: tokens.path, isWhole: false, root: .object(["model": model]))
        }
        throw missing(folder, file)
    }

    private static func missing(_ folder: URL, _ file: (String) -> URL?) -> TokenizerError {
        let problem = "there is neither tokenizer.json nor vocab.txt"
        // DeBERTa-v3 and others were published with SentencePiece's own file alone.
        let others = TokenizerFileNames.sentencePiece + ["vocab.json", "merges.txt"]
        guard let only = others.first(where: { file($0) != nil }) else {
            return TokenizerError(file: folder.path, problem: problem, isMissing: true)
        }
        let isHalf = only == "vocab.json" || only == "merges.txt"
        return TokenizerError(
            file: folder.path, problem: "\(problem), only \(only)",
            advice: isHalf
                ? "byte-level BPE needs vocab.json and merges.txt, both of which came with the model"
                : "AutoTokenizer.from_pretrained(\"…\").save_pretrained(\"…\") of transformers writes tokenizer.json",
            isMissing: true)
    }
}
