import Foundation
import ModelFiles
import Testing
import Tokenizers

/// The tokenizers of models with two towers: the ids of transformers' AutoTokenizer (scripts/goldens/tokenizer_towers.py),
/// all equal.
@Suite struct TowerTokenizerTests {
    private static let file = Provided.root.appendingPathComponent("Tests/Goldens/tokenizer/towers.json")

    private static func folder(_ name: String) throws -> TemporaryFolder {
        let goldens = try FolderGoldens(file)
        let golden = try #require(goldens.folders.first { $0.name == name }, "\(name)")
        let temporary = try TemporaryFolder()
        try goldens.write(golden, into: temporary.url)
        return temporary
    }

    // MARK: CLIP and SigLIP 2

    @Test(arguments: [("clip: ", 19), ("gemma: ", 5)])
    func foldersHaveTransformersIDs(kind: String, count: Int) throws {
        let goldens = try FolderGoldens(Self.file)
        let folders = goldens.folders.filter { $0.name.hasPrefix(kind) }
        try #require(folders.count == count)
        for folder in folders {
            let temporary = try TemporaryFolder()
            try goldens.write(folder, into: temporary.url)
            let tokenizer = try Tokenizer(folder: temporary.url)
            let got = goldens.encoded(by: tokenizer)
            try #require(got.count == folder.hashes.count, "\(folder.name)")
            for (text, hash) in zip(got, folder.hashes) {
                #expect(
                    FolderGoldens.hash(text.numbers) == hash, "\(folder.name), \(text.what): \(text.numbers)")
            }
            // What is not said to decide can go.
            let deciding = Tokenizer.decidingFiles(in: temporary.url)
            for name in TokenizerFileNames.all where !deciding.contains(name) {
                try? FileManager.default.removeItem(at: temporary.url.appendingPathComponent(name))
            }
            let after = goldens.encoded(by: try Tokenizer(folder: temporary.url))
            #expect(after.map(\.numbers) == got.map(\.numbers), "\(folder.name): \(deciding)")
        }
    }

    /// Files of every age are read without a word, whatever pads.
    @Test(arguments: [
        "tokenizer.json alone", "no setting", "old", "old, everything", "old lists", "lists",
        "lists, no model",
        "padding is !", "saved padding is !", "as it stands",
    ])
    func usualFoldersOfCLIPTellNothing(name: String) throws {
        let folder = try Self.folder("clip: \(name)")
        let tokenizer = try Tokenizer(folder: folder.url)
        #expect(tokenizer.notes == [] && tokenizer.typeNote == nil)
        #expect(Set(tokenizer.templateIDs) == [537, 538])
        #expect(tokenizer.storedSize == 539 && tokenizer.vocabularySize == 539)
        #expect(tokenizer.longestSequence == (name.hasPrefix("old") || name == "padding is !" ? 77 : nil))
        if name != "as it stands" { #expect(tokenizer.paddingID == (name.hasSuffix("!") ? 0 : 538)) }
        let cut = tokenizer.encode(String(repeating: "the movie ", count: 60), maxLength: 77)
        #expect(cut.ids.count == 77 && cut.ids.last == 538)
    }

    @Test func whatAFileOfCLIPSaysOtherwiseIsTold() throws {
        let folder = try Self.folder("clip: another file")
        let notes = try withExtendedLifetime(folder) { try Tokenizer(folder: folder.url).notes }
        #expect(
            notes.count == 1 && notes[0].contains("as CLIPTokenizer by the first: normalizer NFC, Replace"))
        #expect(notes[0].contains("other special tokens around a text"))
    }

    /// A file of SigLIP 2 is right with Gemma's class, and makes letters small only with its own.
    @Test func lettersOfSigLIP2AreToldWhereTheyBecomeSmall() throws {
        for (name, isTold) in [
            ("siglip, usual", false), ("siglip2, usual", true), ("siglip, its class", true),
        ] {
            let folder = try Self.folder("gemma: \(name)")
            let tokenizer = try Tokenizer(folder: folder.url)
            let notes = tokenizer.notes.filter { $0.contains("normalizer Lowercase, Replace") }
            #expect(notes.count == (isTold ? 1 : 0) && tokenizer.notes.count == notes.count, "\(name)")
            let (large, small) = (
                tokenizer.encode("The Day", maxLength: 64), tokenizer.encode("the day", maxLength: 64)
            )
            #expect((large.ids == small.ids) == isTold && small.ids.first == 1, "\(name)")
            #expect(tokenizer.longestSequence == 64)
        }
    }

    // MARK: SigLIP

    /// With `spiece.model` beside the files of a golden.
    private static func siglip(_ entry: JSONValue) throws -> TemporaryFolder {
        let temporary = try folder(entry["name"]?.string ?? "")
        var bytes = try #require(entry["pieces"]?.string.flatMap { Data(base64Encoded: $0) })
        if entry["isNormalized"]?.bool ?? false {
            // Messages of one field are one.
            let text = try #require(try Provided.lines("Tests/Goldens/tokenizer/subword/charsmap.txt").first)
            let map = try #require(Data(base64Encoded: text))
            let inner = Data([0x12]) + varint(map.count) + map
            bytes += Data([0x1A]) + varint(inner.count) + inner
        }
        try bytes.write(to: temporary.url.appendingPathComponent("spiece.model"))
        return temporary
    }

    private static func varint(_ number: Int) -> Data {
        var (rest, bytes) = (number, Data())
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7F | 0x80))
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    private static func siglips() throws -> (entries: [JSONValue], texts: [JSONValue]) {
        let root = try JSONValue.read(file)
        let entries = (root["folders"]?.array ?? []).filter {
            $0["name"]?.string?.hasPrefix("siglip: ") ?? false
        }
        return (entries, root["texts"]?.array ?? [])
    }

    private static let refused = [
        "siglip: more tokens": "the added token \"<x>\" of SiglipTokenizer is not supported",
        "siglip: spaces kept": "spaces are kept as they stand, which is not supported",
    ]

    @Test func foldersOfSigLIPHaveTransformersIDs() throws {
        let (entries, texts) = try Self.siglips()
        try #require(entries.count == 11 && texts.count > 25)
        for entry in entries {
            let name = entry["name"]?.string ?? ""
            let folder = try Self.siglip(entry)
            if let problem = Self.refused[name] {
                let error = #expect(throws: TokenizerError.self) { try Tokenizer(folder: folder.url) }
                #expect(error?.description.contains(problem) ?? false, "\(error?.description ?? "")")
                continue
            }
            let tokenizer = try Tokenizer(folder: folder.url)
            #expect(tokenizer.notes == [] && tokenizer.typeNote == nil)
            let numbers = entry["numbers"]?.array ?? []
            try #require(numbers.count == texts.count)
            for (text, ids) in zip(texts, numbers) {
                let parts = text.array ?? []
                let got = tokenizer.encode(
                    parts[0].string ?? "", pair: parts[1].string, maxLength: parts[2].int ?? 1 << 20)
                #expect(got.ids.map(Int.init) == ids.array?.compactMap(\.int), "\(name): \(text.text())")
                #expect(got.typeIDs.allSatisfy { $0 == 0 } && got.offsets.count == got.ids.count)
            }
        }
    }

    @Test func whatSigLIPsTokenizerSays() throws {
        let entry = try #require(try Self.siglips().entries.first { $0["name"]?.string == "siglip: old" })
        let folder = try Self.siglip(entry)
        let tokenizer = try Tokenizer(folder: folder.url)
        #expect(tokenizer.paddingID == 1 && tokenizer.unknownID == 2 && tokenizer.templateIDs == [1, 1, 1])
        #expect(tokenizer.longestSequence == 64 && tokenizer.storedSize == tokenizer.vocabularySize)
        #expect(Tokenizer.decidingFiles(in: folder.url).contains("spiece.model"))
        // tokenizer.json says nothing where there is spiece.model, and is not read in its place.
        try folder.write(TinySubword.unigram(), as: "tokenizer.json")
        #expect(
            try Tokenizer(folder: folder.url).encode("a photo", maxLength: 64)
                == tokenizer.encode("a photo", maxLength: 64))
        try FileManager.default.removeItem(at: folder.url.appendingPathComponent("spiece.model"))
        let error = #expect(throws: TokenizerError.self) { try Tokenizer(folder: folder.url) }
        #expect(
            error?.description.contains("SiglipTokenizer, which reads spiece.model, and there is none")
                ?? false)
        #expect(error?.isMissing == false)
    }

    static let wrongPieces: [([UInt8], String)] = [
        ([], "there is not one piece for unknown text"), ([0x0A], "cannot be read as SentencePiece's"),
        ([0x0A, 0x05, 0x0A], "cannot be read as SentencePiece's"), ([0x07], "cannot be read as"),
        ([0x12, 0x02, 0x18, 0x02], "the model is not SentencePiece's unigram model"),
        ([0x12, 0x03, 0x98, 0x02, 0x01], "unknown text falls back to bytes"),
        ([0x0A, 0x03, 0x0A, 0x01, 0xFF], "a piece is not UTF-8 text"),
        ([0x0A, 0x05, 0x0A, 0x01, 0x61, 0x18, 0x04], "pieces for bytes, unused ones or those of a user"),
        ([UInt8](repeating: 0xFF, count: 11), "cannot be read as SentencePiece's"),
    ]

    @Test(arguments: wrongPieces)
    func otherPiecesAreRefused(bytes: [UInt8], problem: String) throws {
        let folder = try TemporaryFolder()
        try folder.write(#"{"model_type":"siglip"}"#, as: "config.json")
        try Data(bytes).write(to: folder.url.appendingPathComponent("spiece.model"))
        let error = #expect(throws: TokenizerError.self) { try Tokenizer(folder: folder.url) }
        #expect(
            error?.description.contains(problem) ?? false && error?.file.hasSuffix("spiece.model") ?? false)
    }
}
