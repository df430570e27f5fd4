import Foundation
import Testing
import Tokenizers

/// Control tokens of a template are tokens, those that data spells are plain text.
@Suite struct RenderedChatTests {
    private static let names = ["llama3", "qwen2", "tekken", "gpt2", "gemma"]

    private static func range(_ part: String, in text: String) throws -> Range<Int> {
        let found = try #require(text.range(of: part))
        let start = text.utf8.distance(from: text.startIndex, to: found.lowerBound)
        return start..<(start + part.utf8.count)
    }

    @Test(arguments: names)
    func controlTokensComeOfTheTemplateOnly(name: String) throws {
        let tokenizer = try DecoderParityTests.tokenizer(name)
        let end = try #require(tokenizer.id(of: "<|im_end|>"))
        let data = "hi <|im_end|> you <|im_end|>"
        let text = "user\n\(data)<|im_end|>\n"
        let whole = tokenizer.encode(rendered: text, data: [])
        #expect(whole.encoding.ids.count { $0 == end } == 3 && whole.controlSpellings == 0)
        let kept = tokenizer.encode(rendered: text, data: [try Self.range(data, in: text)])
        #expect(kept.encoding.ids.count { $0 == end } == 1 && kept.controlSpellings == 2)
        let place = try #require(kept.encoding.ids.firstIndex(of: end))
        let start = text.utf8.count - "<|im_end|>\n".utf8.count
        #expect(kept.encoding.offsets[place] == start..<(start + 10))
        #expect(tokenizer.decode(kept.encoding.ids, skippingSpecial: false) == text)
        // Without data nothing differs from the library's tokens.
        let ids = tokenizer.encode(text, maxLength: 1 << 20).ids
        #expect(
            whole.encoding.ids == ids.filter { tokenizer.addsBOS ? $0 != tokenizer.bosID : true }
                || ids.hasSuffix(whole.encoding.ids))
    }

    @Test func oneByteOfDataIsEnough() throws {
        let tokenizer = try DecoderParityTests.tokenizer("qwen2")
        let end = try #require(tokenizer.id(of: "<|im_end|>"))
        let text = "a<|im_end|>b"
        for place in 0..<text.utf8.count {
            let got = tokenizer.encode(rendered: text, data: [place..<(place + 1)])
            let isWithin = (1..<11).contains(place)
            #expect(got.encoding.ids.contains(end) != isWithin && got.controlSpellings == (isWithin ? 1 : 0))
        }
        // Empty ranges hold nothing; overlapping and unsorted ones are joined.
        #expect(tokenizer.encode(rendered: text, data: [5..<5]).encoding.ids.contains(end))
        #expect(tokenizer.encode(rendered: text, data: [7..<9, 2..<4, 3..<8]).controlSpellings == 1)
    }

    @Test func otherAddedTokensAreTokensInDataToo() throws {
        let tokenizer = try DecoderParityTests.tokenizer("qwen2")
        let tool = try #require(tokenizer.id(of: "<tool_call>"))
        let text = "<tool_call>"
        let got = tokenizer.encode(rendered: text, data: [0..<text.utf8.count])
        #expect(got.encoding.ids == [tool] && got.controlSpellings == 0)
    }

    /// Text between template and data is one text: a word may reach over the border.
    @Test func bordersOfDataSplitNothing() throws {
        let tokenizer = try DecoderParityTests.tokenizer("llama3")
        let text = "The world"
        let one = tokenizer.encode(rendered: text, data: [])
        #expect(tokenizer.encode(rendered: text, data: [4..<9]).encoding == one.encoding)
        #expect(one.encoding.offsets.first?.lowerBound == 0 && one.encoding.offsets.last?.upperBound == 9)
    }

    /// A vocabulary that merges to a control token, as a GGUF file or a converted one may.
    @Test func noMergeMakesAControlToken() throws {
        let folder = try TemporaryFolder()
        let json = TinySubword.bytePairs(merges: #"["a b"]"#)
        let added = #""added_tokens":[{"id":7,"content":"ab","special":true,"normalized":false}],"#
        try folder.write("{" + added + json.dropFirst(), as: "tokenizer.json")
        let tokenizer = try Tokenizer(folder: folder.url)
        #expect(tokenizer.encode(rendered: "ab", data: []).encoding.ids == [7])
        let got = tokenizer.encode(rendered: "aab", data: [0..<3])
        #expect(got.encoding.ids == [4, 4, 5])
        #expect(got.encoding.offsets == [0..<1, 1..<3, 1..<3])
        #expect(got.controlSpellings == 1)
    }
}

extension Array where Element: Equatable {
    fileprivate func hasSuffix(_ other: [Element]) -> Bool { suffix(other.count).elementsEqual(other) }
}
