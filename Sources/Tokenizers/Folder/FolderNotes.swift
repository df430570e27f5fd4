import Foundation
import Messages
import ModelFiles

/// What a person should know of how a folder's tokenizer files were read, one line each.
struct FolderNotes {
    let folder: URL
    let files: SideFiles
    let kind: TokenizerClass
    let added: [AddedToken]

    /// - Parameter decoderAgrees: whether a class of decoders splits text as `tokenizer.json` says; nil for another class.
    func lines(differences: [String], decoderAgrees: Bool? = nil) -> [String] {
        classNotes(differences, decoderAgrees) + idNotes + settingNotes
    }

    private func classNotes(_ differences: [String], _ decoderAgrees: Bool?) -> [String] {
        var lines: [String] = []
        if let name = files.unknownClass, let decoderAgrees {
            if !decoderAgrees {
                lines.append(
                    "\(files.path): transformers opens this folder as \(oneLine(name, limit: 80)), which splits text in "
                        + "another way than tokenizer.json says; the file is read as it stands, and \"tokenizer_class\": "
                        + "\"PreTrainedTokenizerFast\" makes transformers read it too")
            }
        } else if let unknown = files.unknownClass {
            lines.append(
                "\(files.path): tokenizer_class \(inQuotes(unknown)) is not one that this version knows; tokenizer.json "
                    + "is read as it stands, and transformers may make other tokens of the same text")
        }
        if files.settings["auto_map"]?["AutoTokenizer"].map({ !$0.isNull }) ?? false {
            lines.append(
                "\(files.path): auto_map names code of the model's own for its tokenizer, which is not run")
        }
        if !differences.isEmpty {
            let json = folder.appendingPathComponent("tokenizer.json").path
            let list = oneLine(differences.joined(separator: "; "), limit: 1_000)
            let (file, source) =
                files.hasSettings
                ? ("\(files.path) and tokenizer.json differ", "the first")
                : ("\(json) stands alone", "the usual settings")
            lines.append(
                "\(file); read as transformers does it, as \(kind.rawValue) by \(source): \(list); if tokenizer.json is "
                    + "right, say \"tokenizer_class\": \"PreTrainedTokenizerFast\" in tokenizer_config.json")
        }
        return lines
    }

    private var idNotes: [String] {
        let ids = Dictionary(added.map { (Array($0.text.utf8), $0.id) }) { $1 }
        let moved = files.declared.filter { token in
            !token.text.isEmpty && ids[Array(token.text.utf8)] != token.id
        }
        guard let first = moved.first, let id = ids[Array(first.text.utf8)] else { return [] }
        return [
            "\(folder.path)/\(files.declaringFile): \(moved.count == 1 ? "1 added token has" : "\(moved.count) added tokens have") "
                + "another id than the vocabulary gives: \(inQuotes(first.text)) is \(id), as in transformers, not "
                + "\(first.id)"
        ]
    }

    private var settingNotes: [String] {
        var lines: [String] = []
        if files.settings["padding_side"]?.string == "left" {
            lines.append(
                "\(files.path): padding_side is left, with which transformers moves the shorter rows of a batch to other "
                    + "positions; rows are never padded here")
        }
        return lines
    }

    /// What to know of a second text; nil where its type is the one of the template.
    func typeNote(_ template: Template, _ habits: TokenizerHabits) -> String? {
        if habits.givesTypes || !template.hasTypes { return nil }
        return "second texts have token type 0, as transformers' \(kind.rawValue) gives no token_type_ids; "
            + "model_input_names in the model's tokenizer_config.json can name them"
    }
}
