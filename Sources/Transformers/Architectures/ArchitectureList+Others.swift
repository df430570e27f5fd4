/// Models that people tune and that are none of `all`, by what they do beside attention and a feed-forward network.
extension Architecture {
    /// Why a model of this `model_type` is not opened, of those that are asked for.
    static func whyNot(modelType: String) -> String? {
        others.first { $0.types.contains(modelType) }?.reason
    }

    private static let others: [(types: [String], reason: String)] = [
        (
            [
                "mixtral", "qwen2_moe", "qwen3_moe", "phimoe", "olmoe", "flex_olmo", "granitemoe",
                "granitemoeshared", "gpt_oss", "llama4", "llama4_text", "deepseek_v2", "deepseek_v3",
                "ernie4_5_moe", "glm4_moe", "dbrx", "jetmoe",
            ], "its layers mix experts, which is not supported"
        ),
        (
            [
                "mamba", "mamba2", "falcon_mamba", "jamba", "bamba", "zamba", "zamba2", "nemotron_h",
                "falcon_h1", "recurrent_gemma", "rwkv", "qwen3_next", "qwen3_5",
                "qwen3_5_text", "qwen3_5_moe", "lfm2", "lfm2_moe", "lfm3",
            ],
            "it has layers of state spaces, recurrences or convolutions, and only attention is supported"
        ),
        (
            ["gemma3n", "gemma3n_text", "gemma4", "gemma4_text"],
            "its embeddings of each layer and shared keys are not supported"
        ),
        (
            [
                "gemma3", "mistral3", "llava", "qwen2_vl", "qwen2_5_vl", "qwen3_vl", "mllama", "paligemma",
                "idefics3",
            ],
            "it reads pictures; its language model alone would have to be saved as a model of its own"
        ),
        (
            [
                "clip_vision_model", "clip_text_model", "siglip_vision_model", "siglip_text_model",
            ], "it is one tower of two; the whole model, of model_type clip or siglip, is"
        ),
        (
            [
                "siglip2", "align", "blip", "chinese_clip", "altclip", "xclip", "metaclip_2", "clipseg",
                "vision-text-dual-encoder",
            ], "of models of two towers only those of model_type clip and siglip are"
        ),
        (
            [
                "beit", "data2vec-vision", "swin", "swinv2", "convnext", "convnextv2", "dinov3_vit",
                "dinov3_convnext", "resnet", "regnet", "efficientnet", "mobilevit", "mobilevitv2", "levit",
                "segformer", "pvt", "cvt", "poolformer", "vivit", "hiera", "bit",
            ], "it reads images in another way than ViT, DeiT and DINOv2 do"
        ),
        (
            ["vit_mae", "vit_msn", "ijepa", "timm_wrapper"],
            "of ViT's kin only those of model_type vit, deit, dinov2 and dinov2_with_registers are"
        ),
    ]
}
