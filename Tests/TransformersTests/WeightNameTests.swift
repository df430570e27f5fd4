import Foundation
import GoldenFiles
import ModelFiles
import Testing
import Transformers

/// Names of weights as transformers reads them: with the prefix of whole models or without, tensor by tensor, and norms in
/// their older spelling. The values must be those of the model as it was saved.
@Suite struct WeightNameTests {
    private static let models = [
        ("bert", "bert."), ("encoders/roberta", "roberta."), ("encoders/distilbert", "distilbert."),
        ("encoders/electra", "electra."), ("encoders/albert", "albert."), ("encoders/deberta", "deberta."),
        ("encoders/mpnet", "mpnet."),
    ]

    private static func older(_ name: String) -> String {
        guard name.contains("LayerNorm") || name.contains("layer_norm") else { return name }
        return name.replacing(".weight", with: ".gamma").replacing(".bias", with: ".beta")
    }

    private static func without(_ prefix: String, _ name: String) -> String {
        name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : name
    }

    private func expectSame(_ model: String, _ names: @escaping (String) -> [String]) throws {
        let saved = try PretrainedModel.open(Golden.url("\(model)/model")).openBackbone()
        let edited = try EditedModel(model, tensors: names)
        let opened = try edited.backbone()
        #expect(opened.weights.map(\.floats) == saved.weights.map(\.floats))
        #expect(opened.unusedWeights.count == saved.unusedWeights.count, "\(opened.unusedWeights)")
        // What is written of the model has today's names.
        #expect(!opened.weights.contains { $0.name.hasSuffix("gamma") || $0.name.hasSuffix("beta") })
        #expect(opened.weights.map(\.savedShape) == saved.weights.map(\.savedShape))
    }

    @Test(arguments: models) func olderSpellings(model: String, prefix: String) throws {
        try expectSame(model) { [Self.older($0)] }
        try expectSame(model) { [Self.without(prefix, Self.older($0))] }
        // A file that mixes them all.
        try expectSame(model) { name in
            [name.utf8.count % 2 == 0 ? Self.older(name) : Self.without(prefix, name)]
        }
    }

    @Test(arguments: models) func withoutThePrefix(model: String, prefix: String) throws {
        // DeBERTa's classifier has a dense layer that is called as other encoders' poolers; it stays the head's.
        try expectSame(model) { [Self.without(prefix, $0)] }
    }

    /// One weight under two names is one weight, if the values are the same.
    @Test func bothSpellings() throws {
        try expectSame("bert") { name in Self.older(name) == name ? [name] : [name, Self.older(name)] }
        let edited = try EditedModel("bert") { [$0] }
        let store = try TensorStore(modelFolder: Golden.url("bert/model"))
        var tensors = try store.tensors.map {
            TensorToWrite(name: $0.name, shape: $0.shape, values: try store.floats($0.name))
        }
        for other in ["bert.embeddings.LayerNorm.gamma", "embeddings.LayerNorm.weight"] {
            tensors.append(TensorToWrite(name: other, shape: [32], values: .init(repeating: 1, count: 32)))
            try edited.write(tensors)
            let error = #expect(throws: ModelFileError.self) { try edited.backbone() }
            let message = "\(try #require(error))"
            #expect(
                message.contains(
                    "'bert.embeddings.LayerNorm.weight' is another spelling of the same weight, with other values"
                )
                    || message.contains(
                        "'embeddings.LayerNorm.weight' is another spelling of the same weight"),
                "\(message)")
            tensors.removeLast()
        }
    }

    /// Names that transformers does not read either are errors that show what is there.
    @Test(arguments: [
        (
            "module.", "'module.bert.embeddings.word_embeddings.weight' is there instead",
            "in place of \"module.bert.\""
        ),
        ("0.auto_model.", "'0.auto_model.bert.embeddings", "in place of \"0.auto_model.bert.\""),
        (
            "bert.", "'bert.bert.embeddings.word_embeddings.weight' is there instead",
            "in place of \"bert.bert.\""
        ),
    ])
    func wrappedModels(front: String, problem: String, advice: String) throws {
        let edited = try EditedModel("bert") { [front + $0] }
        let error = #expect(throws: ModelFileError.self) { try edited.backbone() }
        let message = "\(try #require(error))"
        #expect(message.contains(problem) && message.contains(advice), "\(message)")
    }

    @Test(arguments: [
        ".weight_g", ".parametrizations.weight.original0", ".base_layer.weight", ".qweight",
    ])
    func wrappedModules(end: String) throws {
        let module = "bert.encoder.layer.0.attention.self.query"
        let edited = try EditedModel("bert") { [$0 == module + ".weight" ? module + end : $0] }
        let error = #expect(throws: ModelFileError.self) { try edited.backbone() }
        let message = "\(try #require(error))"
        #expect(
            message.contains("\(module).weight: this weight is missing; '\(module)\(end)' is there instead"),
            "\(message)")
        #expect(message.contains("save the plain weights"))
    }

    /// RoBERTa's weights under a BERT's config.
    @Test func anotherArchitecture() throws {
        let edited = try EditedModel("bert") { [$0.replacing("bert.", with: "roberta.")] }
        let error = #expect(throws: ModelFileError.self) { try edited.backbone() }
        #expect(
            "\(try #require(error))".contains("'roberta.embeddings.word_embeddings.weight' is there instead"))
    }

    /// Without a model type the message says which one to add: by the class it was saved from, or by the weights' names.
    @Test(arguments: [
        (
            "bert", "add \"model_type\": \"bert\", as its architectures say (BertForSequenceClassification)",
            true
        ),
        ("encoders/mpnet", "add \"model_type\": \"mpnet\"", true),
        ("encoders/deberta", "add \"model_type\": \"deberta-v2\"", true),
        ("encoders/distilbert", "add \"model_type\": \"distilbert\"", true),
        ("bert", "add \"model_type\" with the value bert, by the names of the weights", false),
        ("encoders/roberta", "the value roberta, xlm-roberta or camembert, by", false),
        ("encoders/deberta", "the value deberta-v2, by", false),
    ])
    func missingModelType(model: String, advice: String, hasClass: Bool) throws {
        let absent = ["model_type"] + (hasClass ? [] : ["architectures"])
        let edited = try EditedModel(model, absent: absent)
        let error = #expect(throws: ModelFileError.self) { try edited.backbone() }
        let message = "\(try #require(error))"
        #expect(
            message.contains("key 'model_type': missing or not a string; ") && message.contains(advice),
            "\(message)")
        // Encoders saved alone have no prefix; what they are made of tells.
        let prefix = try #require(Self.models.first { $0.0 == model }).1
        let bare = try EditedModel(model, absent: ["model_type", "architectures"]) {
            [Self.without(prefix, $0)]
        }
        let other = "\(try #require(#expect(throws: ModelFileError.self) { try bare.backbone() }))"
        #expect(
            other.contains("by the names of the weights")
                && other.contains(model == "encoders/deberta" ? "deberta-v2" : String(prefix.dropLast())),
            "\(other)")
    }
}
