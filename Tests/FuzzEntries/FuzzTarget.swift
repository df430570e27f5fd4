import ChatTemplates
import Datasets
import Images
import ModelFiles
import Tokenizers
import Training

/// A kind of input that a fuzzer makes up, and what of the program reads it.
///
/// `scripts/fuzz.sh` calls `check` with bytes of libFuzzer's; `FuzzTests` with those that once failed.
package enum FuzzTarget: String, CaseIterable, Sendable {
    case safetensors
    case gguf
    /// A model's `config.json`
    case config
    /// `tokenizer.json`; or `vocab.txt` and `tokenizer_config.json`, where it does not begin with a brace
    case tokenizer
    /// Text for tokenizers that are there already: the first byte chooses one
    case text
    /// A regular expression that tokenizers split texts by, and a text
    case expression
    /// Keys of a GGUF that say what its tokens are, as JSON
    case vocabulary
    /// SigLIP's `spiece.model`
    case pieces
    /// A chat template in Jinja
    case template
    /// JSONL, JSON, CSV, TSV, CoNLL or SQuAD: the first byte chooses what the rows hold and how they are written
    case data
    /// `adapter_config.json` and `adapter_model.safetensors`
    case adapter
    /// A JPEG, PNG or WebP file
    case image
    /// `preprocessor_config.json`
    case processor
    /// `manifest.json`, `state.json` and `state.safetensors`
    case checkpoint

    /// What must hold for any bytes at all: they are read, or refused by one line that says where.
    ///
    /// - Throws: `Violation`; a reader may trap instead.
    package func check(_ bytes: [UInt8], in scratch: Scratch) throws { _ = try refusal(bytes, in: scratch) }

    /// The line by which the bytes are refused; nil where they are read.
    package func refusal(_ bytes: [UInt8], in scratch: Scratch) throws -> String? {
        do {
            switch self {
            case .safetensors: try ModelInputs.readTensors(bytes, in: scratch)
            case .gguf: try ModelInputs.readGGUF(bytes, in: scratch)
            case .config: try ModelInputs.readConfiguration(bytes)
            case .tokenizer: try TextInputs.readTokenizer(bytes, in: scratch)
            case .text: try TextInputs.encode(bytes)
            case .expression: try VocabularyInputs.split(bytes, in: scratch)
            case .vocabulary: try VocabularyInputs.readVocabulary(bytes, in: scratch)
            case .pieces: try TextInputs.readPieces(bytes, in: scratch)
            case .template: try TemplateInputs.render(bytes)
            case .data: try TextInputs.readData(bytes, in: scratch)
            case .adapter: try ModelInputs.readAdapter(bytes, in: scratch)
            case .image: try ImageInputs.decode(bytes)
            case .processor: try ImageInputs.preprocess(bytes)
            case .checkpoint: try ModelInputs.readCheckpoint(bytes, in: scratch)
            }
            return nil
        } catch let violation as Violation {
            throw violation
        } catch {
            return try Self.message(of: error)
        }
    }

    private static let longestMessage = 4_000

    private static func message(of error: any Error) throws -> String {
        let message = "\(error)"
        guard
            error is ModelFileError || error is TokenizerError || error is DataError || error is TrainingError
                || error is ChatTemplateError || error is ImageError
        else { throw Violation("an error that names no file: \(message)") }
        guard !message.contains(where: \.isNewline), message.utf8.count <= longestMessage else {
            throw Violation("a message that is not one line of reasonable length: \(message.prefix(500))")
        }
        return message
    }
}

/// What a reader should not have done.
package struct Violation: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}

func require(_ isTrue: Bool, _ what: @autoclosure () -> String) throws {
    guard isTrue else { throw Violation(what()) }
}
