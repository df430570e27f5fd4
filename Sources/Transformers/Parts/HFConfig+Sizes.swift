import ModelFiles

extension HFConfig {
    /// The first of these keys that is there; `usual` where none is.
    func size(_ keys: [String], in range: ClosedRange<Int>, _ usual: Int) throws -> Int {
        for key in keys { _ = value(key) }
        guard let key = keys.first(where: has) else { return usual }
        return try int(key, in: range)
    }

    /// Throws where the weights are not what their names say.
    func refuseOtherWeights() throws {
        for (key, problem, advice) in [
            (
                "quantization_config", "the weights are quantized, which is not supported",
                "take the model in float32, float16 or bfloat16, as it was before"
            ),
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
            throw ModelFileError(file: path, place: key, problem: problem, advice: advice)
        }
    }
}
