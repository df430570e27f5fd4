import Foundation
import Messages
import Tasks
import Transformers

/// How an exported folder is used from Python: lines that run as they are, for the classes of transformers 5 and PEFT 0.21.
package struct PythonUse: Sendable {
    /// The exported folder, from the working folder or by its name. A dot before it keeps PEFT from looking for a
    /// tokenizer under that name on the Hub.
    let folder: String
    /// The base's name; nil for what the adapter's configuration says. Not read where the folder is a whole model.
    let base: String?
    let isWhole: Bool
    let head: HeadForm
    /// The module of the last linear layer in transformers' model: `classifier.out_proj`
    let outputModule: String
    /// transformers' sequence classifier has a dense layer of its own before the output.
    let hasDense: Bool
    let labels: [String]
    let outputs: Int
    /// The base has a head of another size, which must give way.
    let replacesHead: Bool
    /// The base is not in Float32, in which the adapter was trained.
    let isOtherPrecision: Bool
    /// The base is a decoder and may have no padding token.
    let needsPadding: Bool
    /// The tokenizer must be told to put a space before the first word, as before any other.
    let spacesWords: Bool
    /// The base goes by the name of a GGUF.
    let isOnGGUF: Bool
    let readsImages: Bool
    let readsPairs: Bool
    /// transformers' classifier reads several rows beside each other, the head one.
    let isNarrower: Bool

    private static let listedLabels = 100

    /// The program, a line each.
    func lines(_ card: TaskCard) -> [String] {
        if readsPairs { return pairLines(card) }
        if readsImages { return imageLines(card) }
        return imports(card) + [""] + opening + template(card) + [""] + card.batch + forward + card.printing
    }

    /// What must be known before.
    var remarks: String {
        if let pooling = head.pooling, !pooling.isOfTransformers {
            let rows = readsImages ? ("all rows'", "the first row's") : ("all tokens'", "the first token's")
            let read =
                pooling == .mean ? "the mean of \(rows.0) last hidden states" : "\(rows.1) last hidden state"
            if isNarrower {
                return
                    "The head reads \(read), which no class of transformers does: `\(modelClass)` has a head of another size, so "
                    + "that these lines put one of the adapter's in its place. They answer as trained:"
            }
            return
                "The head reads \(read), which no class of transformers does: what `\(modelClass)` itself answers, "
                + "in a pipeline or a server too, is wrong. These lines answer as trained:"
        }
        if isWhole { return "With transformers:" }
        if isOnGGUF {
            return
                "The adapter was trained on a GGUF, which PEFT does not open: put the Hugging Face model that the file was "
                + "made from into `adapter_config.json` (`base_model_name_or_path`), or export again with "
                + "`\(SettingName.baseName) ORG/NAME`. Then, with peft and transformers:"
        }
        if head.isOwn { return "With peft and transformers:" }
        return "With peft and transformers. PEFT's files have no place for "
            + (labels.isEmpty ? "the number of outputs, so it is" : "labels, so they are")
            + " given where the base model is opened. (That the base lacks the head is told by transformers; PEFT puts in "
            + "the trained one.)"
    }

    private var modelClass: String {
        "AutoModel" + (readsImages ? "ForImageClassification" : Self.classEnd(head))
    }

    /// Of the class that has a place for the head, be it that it reads rows otherwise.
    private static func classEnd(_ head: HeadForm) -> String {
        if case .sequence = head { HeadForm.sequence(.pooler).classEnd } else { head.classEnd }
    }

    /// Whether transformers' class has a dense layer before the output that was not trained, and that PEFT would look for.
    private var isPartOfHead: Bool { !head.isOfTransformers && hasDense }

    /// Whether the program needs transformers' own model, out of PEFT's.
    private var needsInner: Bool {
        switch head {
        case .sequence(let pooling): !pooling.isOfTransformers
        // PEFT 0.21's own would drop the types of tokens.
        case .span: true
        case .token, .vocabulary, .pair: false
        }
    }

    /// Lines that give the tokenizer the adapter's own chat template.
    private func template(_ card: TaskCard) -> [String] {
        guard card.hasOwnTemplate else { return [] }
        let file = CardText.quoted(folder + "/" + AdapterDescription.file)
        return [
            "with open(\(file), encoding=\"utf-8\") as file:",
            "    tokenizer.chat_template = json.load(file)[\(CardText.quoted(RememberedTemplate.key))]",
        ]
    }

    private func imports(_ card: TaskCard) -> [String] {
        let torch = head.isOwn ? [] : ["import torch"]
        let json = needsFile || card.hasOwnTemplate ? ["import json", ""] : []
        if isWhole { return json + torch + ["from transformers import \(modelClass), AutoTokenizer"] }
        if isPartOfHead {
            return json + torch + [
                "from peft import PeftConfig, PeftModel",
                "from transformers import \(modelClass), AutoTokenizer",
            ]
        }
        return json + torch + ["from peft import AutoPeftModel\(Self.classEnd(head))"]
            + (spacesWords ? ["from tokenizers.pre_tokenizers import ByteLevel"] : [])
            + ["from transformers import AutoTokenizer"]
    }

    private var needsFile: Bool { labels.count > Self.listedLabels && !isWhole }

    private var opening: [String] {
        let folder = CardText.quoted(folder)
        if isWhole {
            return ["model = \(modelClass).from_pretrained(\(folder))"]
                + ["tokenizer = AutoTokenizer.from_pretrained(\(folder))"] + padding
                + (labels.isEmpty ? [] : ["labels = model.config.id2label"])
        }
        let inner = needsInner ? ".get_base_model()" : ""
        var lines: [String] = []
        if needsFile {
            let file = CardText.quoted(self.folder + "/" + AdapterDescription.file)
            lines.append("labels = json.load(open(\(file), encoding=\"utf-8\"))[\"labels\"]")
        } else if !labels.isEmpty {
            lines += CardText.pythonList(labels, after: "labels = ")
        }
        if isPartOfHead {
            lines += [
                "config = PeftConfig.from_pretrained(\(folder))",
                "config.task_type = config.modules_to_save = None  # PEFT would look for all of transformers' head",
                "model = \(modelClass).from_pretrained(",
                "    config.base_model_name_or_path, \(arguments.joined(separator: ", ")))",
                "model = PeftModel.from_pretrained(model, \(folder), config=config)\(inner)",
            ]
        } else {
            let start = "model = AutoPeftModel\(Self.classEnd(head)).from_pretrained("
            let list = [folder] + arguments
            lines +=
                list.count == 1
                ? [start + folder + ")" + inner]
                : [start, "    " + list.joined(separator: ", ") + ")" + inner]
        }
        let source = base.map(CardText.quoted) ?? "model.config.name_or_path"
        lines += ["tokenizer = AutoTokenizer.from_pretrained(\(source))"] + padding
        if spacesWords {
            // add_prefix_space=True, by which transformers asks for it, is lost on tokenizers of its general class.
            lines += [
                "# Words are spelled as after a space, the first one too.",
                "tokenizer.backend_tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=True)",
            ]
        }
        return lines
    }

    /// transformers finds the last row of a text by the token that it pads with, which many decoders do not name.
    private var padding: [String] {
        guard needsPadding, head.pooling != nil else { return [] }
        return [
            "tokenizer.padding_side = \"right\"",
            "tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token",
            "if model.config.pad_token_id is None:",
            "    model.config.pad_token_id = tokenizer.pad_token_id",
        ]
    }

    /// Of the base's class
    var arguments: [String] {
        var arguments: [String] = []
        if !labels.isEmpty {
            arguments += ["num_labels=len(labels)", "id2label=dict(enumerate(labels))"]
        } else if !head.isOwn {
            arguments.append("num_labels=\(outputs)")
        }
        if replacesHead { arguments.append("ignore_mismatched_sizes=True") }
        if isOtherPrecision { arguments.append("dtype=\"float32\"") }
        return arguments
    }

    /// Runs the model on `batch`.
    private var forward: [String] {
        let output = "model.\(outputModule)"
        let inner: [String]
        switch head {
        case .sequence(.pooler), .sequence(.last), .token: inner = ["logits = model(**batch).logits"]
        case .sequence(.first):
            inner = [
                "hidden = model.base_model(**batch).last_hidden_state",
                "logits = \(output)(hidden[:, 0])",
            ]
        case .sequence(.mean):
            inner = [
                "hidden = model.base_model(**batch).last_hidden_state",
                "mask = batch[\"attention_mask\"][..., None]",
                "logits = \(output)((hidden * mask).sum(1) / mask.sum(1))",
            ]
        case .span: inner = ["output = model(**batch)"]
        case .vocabulary, .pair: return []
        }
        return ["with torch.no_grad():"] + inner.map { "    " + $0 }
    }
}
