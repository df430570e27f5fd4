import Foundation
import ModelFiles

/// What becomes of a tokenizer's files elsewhere.
extension Tokenizer {
    /// How the tokenizer of `other`, files that somebody saved beside an adapter, differs from that of the model's own
    /// folder, as a person should read it; empty where there is none or both are the same.
    package static func differences(of other: URL, from model: URL) throws -> [String] {
        let names = ["tokenizer.json", "vocab.txt", "vocab.json"]
        guard
            names.contains(where: {
                FileManager.default.fileExists(atPath: other.appendingPathComponent($0).path)
            })
        else { return [] }
        let (own, its) = (try TokenizerFolder(model), try TokenizerFolder(other, configuration: model))
        let vocabulary = TokenizerFile.Index(own.file.vocabulary)
        let known = Set(own.file.vocabulary.map { NumberedToken($0.token, $0.id) })
        var lines: [String] = []
        if known != Set(its.file.vocabulary.map { NumberedToken($0.token, $0.id) }) {
            lines.append("another vocabulary")
        }
        let added = Set(own.file.addedTokens.map { NumberedToken($0.text, $0.id) })
        let more = its.file.addedTokens.filter {
            !added.contains(NumberedToken($0.text, $0.id)) && !known.contains(NumberedToken($0.text, $0.id))
        }
        if let first = more.first {
            lines.append(
                "\(more.count) more added \(more.count == 1 ? "token" : "tokens") (\(inQuotes(first.text))\(more.count > 1 ? ", …" : ""))"
            )
        }
        lines += SectionDifferences(stored: own.made, made: its.made, vocabulary: vocabulary).lines
        if own.habits.cutsStart != its.habits.cutsStart { lines.append("another truncation_side") }
        return lines
    }

    /// The files of a folder that its tokens follow from: of `TokenizerFileNames.all` those that every version reads, and
    /// the others only where there would be other tokens without them. So whoever knew a folder by its files before the
    /// others were read knows it still, unless they say something new. A folder that cannot be opened follows from all.
    package static func decidingFiles(in folder: URL) -> [String] {
        // Of SentencePiece's files one class reads one.
        let isRead = (try? SideFiles(folder: folder, stored: nil))?.kind == .siglip
        let there = (TokenizerFileNames.all + (isRead ? [SentencePieceFile.name] : [])).filter {
            FileManager.default.fileExists(atPath: folder.appendingPathComponent($0).path)
        }
        let first = there.filter { !TokenizerFileNames.later.contains($0) }
        guard first.count < there.count, let all = try? TokenizerFolder(folder),
            let some = try? TokenizerFolder(folder, leavesOut: true),
            all.made == some.made, all.habits.withoutRoles == some.habits.withoutRoles
        else { return there }
        return first
    }

    /// A token compared by its bytes.
    private struct NumberedToken: Hashable {
        let bytes: [UInt8]
        let id: Int32

        init(_ text: String, _ id: Int32) { (bytes, self.id) = (Array(text.utf8), id) }
    }

    /// The files of a folder that must say otherwise for transformers to read given words as `encode(words:)` does, each
    /// with the space before it that a byte-level vocabulary has; none where they do already.
    package func filesSpacingWords(in folder: URL) throws -> [(name: String, content: JSONValue)] {
        guard pipeline.lacksPrefixSpace else { return [] }
        var files: [(name: String, content: JSONValue)] = []
        let settings = folder.appendingPathComponent(SideFiles.settingsName)
        let isThere = FileManager.default.fileExists(atPath: settings.path)
        let content = isThere ? try JSONValue.read(settings) : .object(JSONObject())
        files.append((SideFiles.settingsName, content.setting("add_prefix_space", .bool(true))))
        let whole = folder.appendingPathComponent("tokenizer.json")
        guard FileManager.default.fileExists(atPath: whole.path) else { return files }
        var root = try JSONValue.read(whole, limits: TokenizerFile.limits)
        for key in ["pre_tokenizer", "post_processor"] {
            if let section = root[key] { root = root.setting(key, Self.spaced(section)) }
        }
        files.append(("tokenizer.json", root))
        return files
    }

    private static func spaced(_ section: JSONValue) -> JSONValue {
        switch section["type"]?.string {
        case "ByteLevel", "RobertaProcessing": return section.setting("add_prefix_space", .bool(true))
        case "Sequence":
            var result = section
            for key in ["pretokenizers", "processors"] {
                if let steps = section[key]?.array { result = result.setting(key, .array(steps.map(spaced))) }
            }
            return result
        default: return section
        }
    }
}

extension TextPipeline {
    /// Whether a byte-level vocabulary gets texts without a space before them.
    var lacksPrefixSpace: Bool {
        guard case .subword(_, let preTokenizers, _) = self else { return false }
        return preTokenizers.contains { ($0 as? ByteLevel)?.addsPrefixSpace == false }
    }
}
