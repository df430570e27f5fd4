import Foundation
import Testing
import Tokenizers

/// Folders of decoders: what is told of a class, and what their settings put around a text.
@Suite struct DecoderFolderTests {
    private static func tokenizer(_ name: String, settings: String) throws -> Tokenizer {
        let folder = try TemporaryFolder()
        let json = try Provided.lines("\(DecoderParityTests.folder)/\(name).json").joined(separator: "\n")
        try folder.write(json, as: "tokenizer.json")
        try folder.write(settings, as: "tokenizer_config.json")
        return try Tokenizer(folder: folder.url)
    }

    @Test(arguments: [
        ("qwen2", "Qwen2Tokenizer"), ("qwen2", "Qwen2TokenizerFast"), ("gpt2", "GPT2Tokenizer"),
        ("neox", "GPTNeoXTokenizer"), ("gemma", "GemmaTokenizer"), ("llama-new", "LlamaTokenizer"),
        ("llama3", "LlamaTokenizerFast"), ("llama3", "PreTrainedTokenizerFast"),
    ])
    func classesThatAgreeAreNotTold(name: String, kind: String) throws {
        #expect(try Self.tokenizer(name, settings: #"{"tokenizer_class":"\#(kind)"}"#).notes == [])
    }

    @Test(arguments: [
        ("qwen35", "Qwen2Tokenizer"), ("smollm2", "GPT2Tokenizer"), ("gpt2", "GPTNeoXTokenizer"),
        ("llama2", "LlamaTokenizer"), ("mistral", "LlamaTokenizer"), ("llama2", "GemmaTokenizer"),
    ])
    func classesWithOtherRulesAreTold(name: String, kind: String) throws {
        let notes = try Self.tokenizer(name, settings: #"{"tokenizer_class":"\#(kind)"}"#).notes
        #expect(notes.count == 1)
        #expect(
            notes.first?.contains("opens this folder as \(kind), which splits text in another way") ?? false)
    }

    @Test func settingsSayWhatStandsAroundAText() throws {
        let roles = #""bos_token":"<s>","eos_token":"</s>""#
        let none = try Self.tokenizer("tekken", settings: #"{"add_bos_token":false,\#(roles)}"#)
        #expect(!none.addsBOS && none.specialTokenCount(isPair: false) == 0)
        let both = try Self.tokenizer(
            "tekken", settings: #"{"add_bos_token":true,"add_eos_token":true,\#(roles)}"#)
        let (start, end) = try (#require(both.bosID), #require(both.eosID))
        #expect(both.addsBOS)
        let ids = both.encode("a", pair: "b", maxLength: 100).ids
        let (a, b) = try (#require(both.id(of: "a")), #require(both.id(of: "b")))
        #expect(ids == [start, a, end, start, b, end])
        let stored = try Self.tokenizer("tekken", settings: #"{\#(roles)}"#)
        #expect(stored.addsBOS && stored.encode("a", maxLength: 100).ids == [start, a])
        #expect(stored.id(of: "<s>") == start)
        let twice = stored.encode("<s>a", maxLength: 100).ids
        #expect(stored.beginsWithTwoBOS(twice))
    }
}
