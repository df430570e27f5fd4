import Autodiff
import Foundation
import Messages
import ModelFiles

/// Rotary positions (Su et al. 2021) as a `config.json` says them: how fast each pair of a head's columns turns.
struct RotaryScheme: Sendable, Equatable {
    /// Of cosines and sines
    let factor: Float
    let pairs: RotaryTable.Pairs
    let statement: RotaryStatement
    private let speeds: Speeds

    /// Radians a position, of each pair that turns.
    private enum Speeds: Sendable, Equatable {
        case same([Double])
        /// Of sequences of more than `original` rows others.
        case twofold(short: [Double], long: [Double], original: Int)
        /// The base grows with the length of a sequence beyond `positions`.
        case growing(base: Double, factor: Double, width: Int, positions: Int)
    }

    /// What a model says of rotary positions beside the file; unless it says so, as Llama.
    struct Usual {
        var base = 10_000.0
        var baseKey = "rope_theta"
        /// Of layers of several types, the one whose positions these are.
        var layerType: String?
        /// Other names of kinds, and all that there are, where it is not every kind.
        var kinds: [String: String]?
        /// The length that the model was first trained with, where it has one; otherwise its positions.
        var original: Int?
        /// Whether a part of a head's columns may turn alone.
        var isPartial = false
        /// Which share of them, beside the settings, and where nothing says so.
        var shareKey = "partial_rotary_factor"
        var share = 1.0
        /// Members that are about other things than how pairs turn.
        var others: [String] = []
    }

    /// - Parameters:
    ///   - width: D, the columns of a head.
    ///   - positions: the longest sequence of the model.
    init(_ config: HFConfig, width: Int, positions: Int, usual: Usual = Usual()) throws {
        let settings = try RotarySettings(config, layerType: usual.layerType)
        settings.pass(over: usual.others)
        let outside = try config.double(usual.baseKey, in: 1e-3...1e12, default: usual.base)
        let base = try settings.number("rope_theta", in: 1e-3...1e12) ?? outside
        let turned = try Self.turned(config, settings, width: width, usual)
        pairs = try config.bool("rope_interleaved", default: false) ? .neighbours : .halves
        let said = try settings.kind()
        let kind = usual.kinds.map { $0[said] ?? "" } ?? said
        guard Self.kinds.contains(kind) else {
            let known = usual.kinds?.keys.sorted() ?? Self.kinds
            throw settings.fault(
                nil, "rotary positions of kind \(quoted(said)) are not supported",
                "supported are \(known.joined(separator: ", "))")
        }
        let original = try Self.original(config, settings, kind, positions: positions, usual: usual)
        let found = try Self.speeds(kind, settings, base: base, turned, positions: positions, original)
        factor = found.factor
        try settings.refuseRest()
        speeds = try Self.divided(found.speeds, kind, config)
        statement = try RotaryStatement(
            kind: kind, base: base, columns: turned, original: original, settings)
    }

    /// Whether pairs of columns turn as those of `other` do, wherever they stand. Files hold factors in Float32.
    func turns(as other: RotaryScheme) -> Bool {
        func near(_ a: Double, _ b: Double) -> Bool { abs(a - b) <= 1e-5 * max(abs(a), abs(b)) }
        guard near(Double(factor), Double(other.factor)) else { return false }
        return [0, 1].allSatisfy { form in
            // Of sequences that are longer than the model is for nobody asks.
            let (own, its) = (frequencies(form: form), other.frequencies(form: form))
            return own.count == its.count && zip(own, its).allSatisfy(near)
        }
    }

    /// By how much slower each pair turns than it would by the base alone.
    ///
    /// - Parameter form: as `form(length:)` gives it.
    func divisors(form: Int) -> [Float] {
        let plain = RotaryTable.frequencies(base: statement.base, width: statement.columns)
        return zip(plain, frequencies(form: form)).map { Float($0 / $1) }
    }

    /// - Parameters:
    ///   - width: columns of a head that turn.
    ///   - original: the length of sequences before positions were stretched.
    private static func speeds(
        _ kind: String, _ settings: RotarySettings, base: Double, _ width: Int, positions: Int,
        _ original: Double
    ) throws -> (speeds: Speeds, factor: Float) {
        let plain = RotaryTable.frequencies(base: base, width: width)
        switch kind {
        case "linear":
            let slowing = try settings.required("factor", in: 1...1e6)
            return (.same(plain.map { $0 / slowing }), 1)
        case "llama3": return (.same(try llama3(plain, settings, original: original)), 1)
        case "dynamic":
            let growth = try settings.required("factor", in: 1...1e6)
            guard width > 2 else { throw settings.fault(nil, "dynamic positions of one pair") }
            return (.growing(base: base, factor: growth, width: width, positions: positions), 1)
        case "yarn":
            let (frequencies, factor) = try YaRN(original, base: base, width: width).frequencies(settings)
            return (.same(frequencies), factor)
        case "longrope":
            let powers = RotaryTable.powers(base: base, width: width)
            func slowed(_ name: String) throws -> [Double] {
                let factors = try settings.numbers(name, count: width / 2, in: 1e-3...1e6)
                return zip(factors, powers).map { Double(1 / (Float($0) * $1)) }
            }
            let speeds = Speeds.twofold(
                short: try slowed("short_factor"), long: try slowed("long_factor"), original: Int(original))
            return (speeds, try longFactor(settings, original: original, positions: positions))
        default: return (.same(plain), 1)
        }
    }

    private static let kinds = ["default", "linear", "llama3", "dynamic", "yarn", "longrope"]

    /// Which frequencies a sequence of so many rows has: the first ones, others, or its own.
    func form(length: Int) -> Int {
        switch speeds {
        case .same: 0
        case .twofold(_, _, let original): length > original ? 1 : 0
        case .growing(_, _, _, let positions): length > positions ? max(length, 2) : 0
        }
    }

    /// - Parameter form: as `form(length:)` gives it.
    func frequencies(form: Int) -> [Double] {
        switch speeds {
        case .same(let frequencies): return frequencies
        case .twofold(let short, let long, _): return form == 0 ? short : long
        case .growing(let base, let factor, let width, let positions):
            // Rounded to Float32 step by step, as PyTorch has it.
            let length = Float(factor) * Float(max(form, positions)) / Float(positions)
            let growth = Float(
                pow(Double(length - Float(factor - 1)), Double(width) / Double(width - 2)))
            return RotaryTable.frequencies(base: Double(Float(base) * growth), width: width)
        }
    }

    /// How many columns of a head turn, of `width`.
    private static func turned(
        _ config: HFConfig, _ settings: RotarySettings, width: Int, _ usual: Usual
    ) throws -> Int {
        let least = usual.isPartial ? 1e-3 : 1
        let inside = try settings.number("partial_rotary_factor", in: least...1)
        guard usual.isPartial else { return width }
        let outside = try config.double(usual.shareKey, in: least...1, default: usual.share)
        let share = inside ?? outside
        let turned = Int(Double(width) * share)
        guard turned > 0, turned % 2 == 0 else {
            throw settings.fault(
                "partial_rotary_factor", "\(turned) of \(width) columns turn, which are no pairs")
        }
        return turned
    }

    /// The length of sequences before positions were stretched. transformers takes the key outside where both are there.
    private static func original(
        _ config: HFConfig, _ settings: RotarySettings, _ kind: String, positions: Int, usual: Usual
    ) throws -> Double {
        // Other kinds know none: that a file has one is worth a warning.
        guard ["llama3", "yarn", "longrope"].contains(kind) else { return Double(positions) }
        let key = "original_max_position_embeddings"
        let inside = try settings.number(key, in: 2...1e9)
        if usual.layerType == nil {
            if config.value(key) != nil { return Double(try config.int(key, in: 2...1_000_000_000)) }
            if let original = usual.original { return Double(original) }
        }
        return inside ?? Double(positions)
    }

    /// Llama 3.1: slow pairs turn `factor` times slower, fast ones as before, and those between by degrees.
    private static func llama3(_ plain: [Double], _ settings: RotarySettings, original: Double) throws
        -> [Double]
    {
        let factor = try settings.required("factor", in: 1...1e6)
        let low = try settings.required("low_freq_factor", in: 1e-3...1e6)
        let high = try settings.required("high_freq_factor", in: 1e-3...1e6)
        guard high > low else {
            throw settings.fault("high_freq_factor", "\(high) is not above \(low)")
        }
        return plain.map { frequency in
            let length = 2 * Double.pi / frequency
            if length < original / high { return frequency }
            if length > original / low { return frequency / factor }
            let smooth = (original / length - low) / (high - low)
            return (1 - smooth) * frequency / factor + smooth * frequency
        }
    }

    /// Ding et al. 2024, "LongRoPE", as transformers has it.
    private static func longFactor(_ settings: RotarySettings, original: Double, positions: Int) throws
        -> Float
    {
        let stretch = try settings.number("factor", in: 1e-3...1e6) ?? Double(positions) / original
        if let said = try settings.number("attention_factor", in: 1e-3...1e3) { return Float(said) }
        guard original > 1 else {
            throw settings.fault(nil, "positions stretched from sequences of \(original) tokens")
        }
        return stretch <= 1 ? 1 : Float((1 + log(stretch) / log(original)).squareRoot())
    }

    /// By `rope_freq_factors`, a divisor for each pair: what GGUF files have in the place of llama3's settings.
    private static func divided(_ speeds: Speeds, _ kind: String, _ config: HFConfig) throws -> Speeds {
        let key = "rope_freq_factors"
        guard let value = config.value(key) else { return speeds }
        func fault(_ problem: String) -> ModelFileError {
            ModelFileError(
                file: config.path, place: key, problem: problem,
                advice: "use the settings that belong to the weights")
        }
        guard case .same(let frequencies) = speeds, ["default", "linear"].contains(kind) else {
            throw fault("divisors beside rotary positions of kind \(quoted(kind))")
        }
        let divisors = (value.array ?? []).compactMap(\.double).filter { (1e-6...1e9).contains($0) }
        guard divisors.count == frequencies.count, value.array?.count == divisors.count else {
            throw fault("not \(frequencies.count) positive numbers, one for each pair of columns")
        }
        return .same(zip(frequencies, divisors).map { $0 / $1 })
    }
}
