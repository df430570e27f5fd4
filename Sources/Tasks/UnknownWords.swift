import Datasets
import Messages
import ModelFiles
import Tokenizers

/// The unknown tokens of a file's rows, and what the rows show of why they are unknown.
struct UnknownWords {
    private let tokenizer: Tokenizer
    private(set) var count = 0
    /// Of the first rows that have some; more would show nothing else.
    private var texts: [String] = []
    private static let mostTexts = 500

    init(_ tokenizer: Tokenizer) { self.tokenizer = tokenizer }

    /// Takes up the tokens of a row. Throws `TaskError` for one that the model has no row for.
    mutating func add(_ ids: [Int32], of example: Example, in dataset: Dataset) throws {
        let unknown = tokenizer.unknownID
        var found = 0
        for id in ids {
            if id == unknown { found += 1 }
            guard id < tokenizer.embeddingRows else {
                throw TaskError(
                    "\(dataset.file):\(example.line): the row holds the token \(quoted(tokenizer.token(for: id) ?? "")) of "
                        + "id \(id), which files beside the vocabulary declare; the model's embedding has only "
                        + "\(tokenizer.embeddingRows) rows")
            }
        }
        if found == 0 { return }
        count += found
        guard texts.count < Self.mostTexts else { return }
        texts +=
            example.words.map { [$0.joined(separator: " ")] }
            ?? ([example.text] + (example.pair.map { [$0] } ?? []))
    }

    /// What to look at, by the commonest cause; a question or a statement without a full stop.
    var advice: String {
        let causes = tokenizer.unknownCauses(in: texts)
        let all = causes.values.reduce(0) { $0 + $1.count }
        // In the order of the cases, so that equal counts always give the same line.
        let order = UnknownCause.allCases
        guard let most = order.max(by: { (causes[$0]?.count ?? 0) < (causes[$1]?.count ?? 0) }),
            let found = causes[most]
        else { return Self.question }
        let words = found.words.map { quoted($0, limit: 30) }.joined(separator: ", ")
        return Self.text(most, share: found.count == all ? "all" : "\(found.count) of \(all)", words)
    }

    private static let question = "is it the right model for this language?"

    private static func text(_ cause: UnknownCause, share: String, _ words: String) -> String {
        let file = "tokenizer_config.json"
        return switch cause {
        case .keptCapitals:
            "\(share) looked at, such as \(words), are known with their capitals, which the tokenizer makes small: is "
                + "do_lower_case in the model's \(file) right?"
        case .smallLetters:
            "\(share) looked at, such as \(words), are known in small letters: does the vocabulary have no capitals, and "
                + "is do_lower_case in the model's \(file) right?"
        case .keptAccents:
            "\(share) looked at, such as \(words), are known with their accents, which the tokenizer drops: is "
                + "strip_accents or do_lower_case in the model's \(file) right?"
        case .noAccents:
            "\(share) looked at, such as \(words), are known without their accents: is strip_accents in the model's "
                + "\(file) right?"
        case .splitting:
            "\(share) looked at, such as \(words), are tokens of the vocabulary written together: does the model want its "
                + "texts split another way, with spaces between the letters of a protein or the tokens of a molecule?"
        case .length:
            "\(share) looked at, such as \(words), are longer than a word may be for this tokenizer, and would be known in "
                + "parts: split them"
        case .symbols:
            "\(share) looked at, such as \(words), are neither letters nor digits: the vocabulary lacks these symbols"
        case .other: question
        }
    }
}
