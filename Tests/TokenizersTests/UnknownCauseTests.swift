import Foundation
import Testing
import Tokenizers

/// What is said of unknown tokens fits what the texts show.
@Suite struct UnknownCauseTests {
    private static let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    private static let molecules = ["C", "O", "c", "(", ")", "=", "1", "[nH]", "Cl"]

    struct Case: CustomTestStringConvertible {
        let words: [String]
        let settings: String
        let text: String
        let causes: [UnknownCause: Int]

        var testDescription: String { text }
    }

    static let table: [Case] = [
        Case(
            words: ["the", "good"], settings: "false", text: "THE good Good the", causes: [.smallLetters: 2]),
        Case(
            words: ["The", "Good", "is"], settings: "true", text: "The Good is", causes: [.keptCapitals: 2]),
        Case(words: ["naïve"], settings: "true", text: "naïve", causes: [.keptAccents: 1]),
        Case(words: ["resume"], settings: "false", text: "resumé", causes: [.noAccents: 1]),
        Case(words: ["resume"], settings: "false", text: "Resumé", causes: [.smallLetters: 1]),
        Case(words: ["M", "K", "T", "A", "Y"], settings: "false", text: "MKTAY", causes: [.splitting: 1]),
        // The commonest mistake with proteins: spaces are there, and capitals are lost.
        Case(words: ["M", "K", "T"], settings: "true", text: "M K T", causes: [.keptCapitals: 3]),
        Case(words: molecules, settings: "false", text: "CC(=O)Oc1 C", causes: [.splitting: 2]),
        Case(
            words: ["the", "##the"], settings: "true", text: String(repeating: "the", count: 50),
            causes: [.length: 1]),
        Case(words: ["the"], settings: "true", text: "the ☃", causes: [.symbols: 1]),
        Case(words: ["the"], settings: "true", text: "слово the xyz", causes: [.other: 2]),
        Case(words: ["the"], settings: "true", text: "the the", causes: [:]),
    ]

    @Test(arguments: table)
    func causes(of row: Case) throws {
        let folder = try TemporaryFolder()
        try folder.write((Self.special + row.words).joined(separator: "\n"), as: "vocab.txt")
        try folder.write("{\"do_lower_case\":\(row.settings)}", as: "tokenizer_config.json")
        let found = try Tokenizer(folder: folder.url).unknownCauses(in: [row.text])
        #expect(found.mapValues(\.count) == row.causes, "\(found)")
    }

    @Test func capitalsOfAUnigramVocabulary() throws {
        let goldens = try FolderGoldens(
            Provided.root.appendingPathComponent("Tests/Goldens/tokenizer/folders.json"))
        for (name, cause) in [
            ("deberta-v2: do_lower_case False", UnknownCause.smallLetters), ("albert: no setting", .other),
        ] {
            let folder = try TemporaryFolder()
            let golden = try #require(goldens.folders.first { $0.name == name })
            try goldens.write(golden, into: folder.url)
            let found = try Tokenizer(folder: folder.url).unknownCauses(in: ["Q W", "ж"])
            #expect(found[cause]?.count ?? 0 > 0, "\(name): \(found)")
        }
    }
}
