import ModelFiles

/// What a `config.json` says of rotary positions, with what transformers takes where it says nothing: for files that say it
/// in another way.
struct RotaryStatement: Sendable, Equatable {
    /// `default`, `linear`, `llama3`, `dynamic`, `yarn` or `longrope`
    let kind: String
    let base: Double
    /// Of a head, that turn
    let columns: Int
    /// The length of sequences before positions were stretched
    let original: Double
    /// How much slower they turn; 1 where nothing is said.
    let factor: Double
    /// YaRN's ramp, where it is not the usual one.
    let fast: Double?
    let slow: Double?
    let truncates: Bool

    /// - Parameter settings: whose members are all known.
    init(kind: String, base: Double, columns: Int, original: Double, _ settings: RotarySettings) throws {
        (self.kind, self.base, self.columns, self.original) = (kind, base, columns, original)
        factor = try settings.number("factor", in: 1e-3...1e6) ?? 1
        guard kind == "yarn" else {
            (fast, slow, truncates) = (nil, nil, true)
            return
        }
        func other(_ name: String, than usual: Double) throws -> Double? {
            try settings.number(name, in: 0...1e6).flatMap { $0 == 0 || $0 == usual ? nil : $0 }
        }
        fast = try other("beta_fast", than: 32)
        slow = try other("beta_slow", than: 1)
        truncates = try settings.flag("truncate", default: true)
    }
}
