/// The settings of LoRA alone, some of which DoRA reads too: values, which the method's files follow.
package struct LoRASettings: Sendable, Equatable {
    /// How s follows from the setting `scale`: as it is, or divided by √r of each matrix (rsLoRA, Kalajdzievski 2023),
    /// where it is PEFT's `lora_alpha` of `use_rslora`. PEFT's plain α/r is `scale` itself.
    package enum RankScaling: String, CaseIterable, Sendable { case plain, stabilized }

    /// Where B and A start.
    package enum Start: String, CaseIterable, Sendable {
        /// B = 0 and A random (Hu et al. 2022)
        case random
        /// B = 0 and A along the leading right singular vectors of the inputs (as EVA, Paischer et al. 2024), at equal ranks
        case activationSVD = "activation-svd"
        /// The leading singular triplets of W (PiSSA, Meng et al. 2024)
        case pissa
        /// The leading columns of a QR of W (OLoRA, Büyükakyüz 2024)
        case olora
    }

    /// Whether A stays as it starts (LoRA-FA, Zhang et al. 2023).
    package enum FreezesA: String, CaseIterable, Sendable { case off, on }

    package var rankScaling = RankScaling.plain
    /// The rate of B, times that of A (LoRA+, Hayou et al. 2024)
    package var ratio = 1.0
    package var start = Start.random
    package var freezesA = FreezesA.off

    init() {}
}
