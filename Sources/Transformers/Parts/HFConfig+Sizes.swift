import Autodiff
import ModelFiles

extension HFConfig {
    /// The first of these keys that is there; `usual` where none is.
    func size(_ keys: [String], in range: ClosedRange<Int>, _ usual: Int) throws -> Int {
        for key in keys { _ = value(key) }
        guard let key = keys.first(where: has) else { return usual }
        return try int(key, in: range)
    }

    /// Throws unless a width divides into heads.
    func check(width: Int, heads: Int, at place: String) throws {
        guard width % heads == 0 else {
            throw ModelFileError(
                file: path, place: named(place),
                problem: "a width of \(width) does not divide into \(heads) heads",
                advice: "use the config.json that was saved with the weights")
        }
    }

    /// Throws where the weights are not what their names say.
    func refuseOtherWeights() throws {
        _ = try packing()
        for (key, problem, advice) in [
            (
                "pruned_heads", "heads were taken out of the layers, which is not supported",
                "use the model as it was before, with all heads"
            ),
            (
                "per_layer_config", "layers have settings of their own, which is not supported",
                "use a model whose layers are alike"
            ),
        ] {
            guard let value = value(key), value.object?.isEmpty != true, value.array?.isEmpty != true
            else { continue }
            throw ModelFileError(file: path, place: named(key), problem: problem, advice: advice)
        }
    }
}

extension GELUForm {
    /// By the names of transformers' activations.
    init(_ config: HFConfig, _ key: String, usual: String) throws {
        switch try config.string(key, default: usual) {
        case "gelu", "gelu_python": self = .erf
        // One formula; they differ in how it is rounded.
        case "gelu_new", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_fast", "gelu_accurate": self = .tanh
        case "quick_gelu": self = .quick
        case let name:
            throw ModelFileError(
                file: config.path, place: config.named(key), problem: "\"\(name)\" is not supported",
                advice:
                    "supported are gelu, gelu_python, gelu_new, gelu_fast, gelu_accurate, gelu_pytorch_tanh, "
                    + "gelu_python_tanh and quick_gelu")
        }
    }
}
