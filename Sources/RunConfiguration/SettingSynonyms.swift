import Messages

/// Names that other programs have for settings, without hyphens at their start.
package enum SettingSynonyms {
    /// Those that mean the same: what is written for them is kept.
    private static let same = [
        "lr": "learning-rate", "epoch": "epochs", "num-train-epochs": "epochs", "max-steps": "steps",
        "batch": "batch-size", "bs": "batch-size", "per-device-train-batch-size": "batch-size",
        "gradient-accumulation-steps": "accumulate", "max-len": "max-length", "max-seq-length": "max-length",
        "text": "text-column", "label": "label-column", "lora-dropout": "adapter-dropout",
        "base-model": "model", "model-name-or-path": "model", "data": "train", "train-file": "train",
        "training": "train", "valid": "validation", "val": "validation", "dev": "validation",
        "eval": "validation",
        "validation-file": "validation", "out": "output", "output-dir": "output",
        "max-grad-norm": "gradient-clip",
        "problem-type": "task",
    ]
    private static let rank =
        "ranks differ between matrices here: give the rank that they have on average as \(SettingName.averageRank), or all triplets "
        + "together as \(SettingName.budget); \(SettingName.method) lora has the same rank in each"
    private static let alpha =
        "give \(SettingName.scale), which is alpha over rank: lora_alpha 16 at r 8 is \(SettingName.scale) 2"
    private static let targets = "give \(SettingName.targets) with what the matrices do: query,value, or all"
    private static let device = "adalora computes on the CPU; leave it out"
    /// Those that mean something else here.
    private static let hints = [
        "rank": rank, "r": rank, "lora-r": rank, "lora-rank": rank, "target-r": rank,
        "init-r": "give \(SettingName.initialRank)", "alpha": alpha, "lora-alpha": alpha,
        "target-modules": targets,
        "lora-target-modules": targets, "device": device, "gpu": device,
        "cuda": device, "fp16": device, "bf16": device,
    ]

    private static func key(_ name: String) -> String { name.lowercased().replacing("_", with: "-") }

    /// What `name` may be another word for, or another spelling of, the likeliest first. Not every command has these.
    package static func settings(for name: String) -> [String] {
        let key = key(name)
        return (key == name ? [] : [key]) + [same[key]].compactMap(\.self)
    }

    /// What to give in place of `name`; nil where nothing is known of it.
    package static func hint(_ name: String) -> String? { hints[key(name)] }
}
