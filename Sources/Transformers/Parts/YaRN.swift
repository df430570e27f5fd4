import Autodiff
import Foundation

/// Positions stretched as Peng et al. (2023, "YaRN") do it: pairs that turn fast keep their speed, slow ones turn `factor`
/// times slower, with a ramp between. Rounded to Float32 step by step, as transformers has it.
struct YaRN {
    /// The length before.
    private let original: Double
    private let base: Double
    /// Columns that turn.
    private let width: Int

    init(_ original: Double, base: Double, width: Int) {
        self.original = original
        self.base = base
        self.width = width
    }

    /// Radians a position, and the factor of cosines and sines.
    func frequencies(_ settings: RotarySettings) throws -> ([Double], Float) {
        guard base > 1 else { throw settings.fault("rope_theta", "\(base) is not above 1") }
        let factor = try settings.required("factor", in: 1...1e6)
        let scale = try attentionFactor(settings, factor)
        // 0 counts as absent.
        let fast = try settings.number("beta_fast", in: 0...1e6).flatMap { $0 == 0 ? nil : $0 } ?? 32
        let slow = try settings.number("beta_slow", in: 0...1e6).flatMap { $0 == 0 ? nil : $0 } ?? 1
        var (low, high) = (pair(turning: fast), pair(turning: slow))
        if try settings.flag("truncate", default: true) {
            (low, high) = (low.rounded(.down), high.rounded(.up))
        } else if settings.isOfLayerType {
            throw settings.fault("truncate", "transformers does not follow it for a type of layers")
        }
        low = max(low, 0)
        high = min(high, Double(width - 1))
        if low == high { high += 0.001 }
        let powers = RotaryTable.powers(base: base, width: width)
        let frequencies = powers.enumerated().map { pair, power in
            let ramp = min(max((Float(pair) - Float(low)) / Float(high - low), 0), 1)
            let kept = 1 - ramp
            return Double(1 / (Float(factor) * power) * (1 - kept) + 1 / power * kept)
        }
        return (frequencies, scale)
    }

    private func attentionFactor(_ settings: RotarySettings, _ factor: Double) throws -> Float {
        let said = try settings.number("attention_factor", in: 1e-3...1e3)
        let scale = try settings.number("mscale", in: 0...1e3) ?? 0
        let all = try settings.number("mscale_all_dim", in: 0...1e3) ?? 0
        if let said { return Float(said) }
        func term(_ scale: Double) -> Double { factor <= 1 ? 1 : 0.1 * scale * log(factor) + 1 }
        return Float(scale != 0 && all != 0 ? term(scale) / term(all) : term(1))
    }

    /// The number of the pair, not whole, that turns so often within the length before.
    private func pair(turning turns: Double) -> Double {
        Double(width) * log(original / (turns * 2 * Double.pi)) / (2 * log(base))
    }
}
