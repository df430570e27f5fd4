import ModelFiles

/// How adapters of one kind stand in PEFT's files.
package struct PEFTForm: Sendable {
    /// Before the names that tensors have in transformers' whole model
    static let prefix = "base_model.model."
    /// PEFT divides lora_alpha of AdaLoRA by init_r plus this.
    static let rankOffset = 1e-5

    /// Whether an adapter is of this kind
    let fits: @Sendable (_ adapter: LowRankAdapter) -> Bool
    /// `peft_type`
    let type: String
    /// Whether an adapter is in the files
    var holds: @Sendable (_ adapter: LowRankAdapter) -> Bool = { _ in true }
    /// An adapter's tensors, below the module's path
    let tensors: @Sendable (_ adapter: LowRankAdapter, _ path: String) -> [TensorToWrite]
    /// Adds what the configuration says of this kind alone; `rank` is its `r`, `scale` the adapters' factor.
    let configure:
        @Sendable (_ config: inout JSONObject, _ set: AdapterSet, _ rank: Int, _ scale: Double) -> Void
}
