import Foundation
import Tasks
import Transformers

/// Models that read images, for which PEFT has no class of its own that opens base and adapter together.
extension PythonUse {
    func imageLines(_ card: TaskCard) -> [String] {
        let peft = isWhole ? [] : ["from peft import \(base == nil ? "PeftConfig, " : "")PeftModel"]
        return ["import torch"] + peft + [
            "from PIL import Image",
            "from transformers import AutoImageProcessor, AutoModelForImageClassification",
            "",
        ] + imageOpening + [""] + card.batch + imageForward + card.printing
    }

    private var imageOpening: [String] {
        let (quoted, start) = (CardText.quoted(folder), "AutoModelForImageClassification.from_pretrained(")
        if isWhole {
            return [
                "model = \(start)\(quoted))", "processor = AutoImageProcessor.from_pretrained(\(quoted))",
            ] + (labels.isEmpty ? [] : ["labels = model.config.id2label"])
        }
        return (labels.isEmpty ? [] : CardText.pythonList(labels, after: "labels = ")) + [
            "base = "
                + (base.map(CardText.quoted)
                    ?? "PeftConfig.from_pretrained(\(quoted)).base_model_name_or_path"),
            "model = \(start)base, \(arguments.joined(separator: ", ")))",
        ] + ownHead + [
            "model = PeftModel.from_pretrained(model, \(quoted)).get_base_model()",
            "processor = AutoImageProcessor.from_pretrained(base)",
        ]
    }

    /// Of a model of two towers.
    func pairLines(_ card: TaskCard) -> [String] {
        let (quoted, start) = (CardText.quoted(folder), "AutoModel.from_pretrained(")
        let peft = isWhole ? [] : ["from peft import \(base == nil ? "PeftConfig, " : "")PeftModel"]
        let imports =
            ["import torch"] + peft + [
                "from PIL import Image", "from transformers import AutoModel, AutoProcessor", "",
            ]
        let named =
            base.map(CardText.quoted) ?? "PeftConfig.from_pretrained(\(quoted)).base_model_name_or_path"
        let opening =
            isWhole
            ? ["model = \(start)\(quoted))", "processor = AutoProcessor.from_pretrained(\(quoted))"]
            : [
                "base = \(named)", "model = \(start)\((["base"] + arguments).joined(separator: ", ")))",
                "model = PeftModel.from_pretrained(model, \(quoted))",
                "processor = AutoProcessor.from_pretrained(base)",
            ]
        return imports + opening + [""] + card.batch + ["with torch.no_grad():"]
            + card.printing.map { "    " + $0 }
    }

    /// PEFT puts a trained head only where one of its size stands.
    private var ownHead: [String] {
        guard isNarrower else { return [] }
        let count = labels.isEmpty ? "\(outputs)" : "len(labels)"
        return ["model.\(outputModule) = torch.nn.Linear(model.config.hidden_size, \(count))"]
    }

    private var imageForward: [String] {
        let output = "model.\(outputModule)"
        let inner: [String] =
            switch head {
            case .sequence(.first):
                ["logits = \(output)(model.base_model(**batch).last_hidden_state[:, 0])"]
            case .sequence(.mean):
                ["logits = \(output)(model.base_model(**batch).last_hidden_state.mean(1))"]
            default: ["logits = model(**batch).logits"]
            }
        return ["with torch.no_grad():"] + inner.map { "    " + $0 }
    }
}
