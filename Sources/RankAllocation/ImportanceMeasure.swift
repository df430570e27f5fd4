/// What the score of a triplet is made of. The raw values are the names used in configuration files.
public enum ImportanceMeasure: String, CaseIterable, Sendable {
    /// `s(w) = Ī·Ū`, the paper's choice (eq. 11).
    case sensitivity
    /// `s(w) = Ī`: smoothed sensitivity without its uncertainty, an ablation of the paper.
    case sensitivityOnly = "sensitivity-only"
    /// `|λ_i|`: the magnitude of the singular value, an ablation of the paper. It needs no averages.
    case magnitude
}
