import Autodiff
import Messages
import ModelFiles
import Synchronization

/// Rotary positions (Su et al. 2021) as a `config.json` says them: how fast each pair of a head's columns turns.
struct RotaryScheme: Sendable, Equatable {
    /// Radians a position, of each pair
    let frequencies: [Double]

    /// - Parameters:
    ///   - width: D, the columns of a head that turn.
    ///   - positions: the longest sequence of the model.
    init(_ config: HFConfig, width: Int, positions: Int) throws {
        let settings = try RotarySettings(config)
        let usual = try config.double("rope_theta", in: 1e-3...1e12, default: 10_000)
        let base = try settings.number("rope_theta", in: 1e-3...1e12) ?? usual
        let plain = RotaryTable.frequencies(base: base, width: width)
        switch try settings.kind() {
        case "default": frequencies = plain
        case "linear":
            let factor = try settings.required("factor", in: 1...1e6)
            frequencies = plain.map { $0 / factor }
        case "llama3":
            let usual = try config.int(
                "original_max_position_embeddings", in: 1...1_000_000_000, default: positions)
            let isOutside = config.has("original_max_position_embeddings")
            let inside = try settings.number("original_max_position_embeddings", in: 1...1e9)
            // transformers takes the one outside where both are there.
            frequencies = try Self.llama3(
                plain, settings, original: isOutside ? Double(usual) : inside ?? Double(usual))
        case let kind:
            throw settings.fault(
                nil, "rotary positions of kind \(quoted(kind)) are not supported",
                "supported are default, linear and llama3")
        }
        try settings.refuseRest()
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
}

/// The table of a model, made again only where a sequence is longer than any before.
final class RotaryTables: Sendable {
    private let scheme: RotaryScheme
    private let known = Mutex<RotaryTable?>(nil)

    init(_ scheme: RotaryScheme) { self.scheme = scheme }

    /// For `longest` positions at least: what a position has does not depend on how many there are.
    func table(longest: Int) -> RotaryTable {
        known.withLock { known in
            if let known, known.longest >= longest { return known }
            let table = RotaryTable(frequencies: scheme.frequencies, longest: longest)
            known = table
            return table
        }
    }
}

/// The members of `rope_parameters`, or of `rope_scaling` in files of transformers before 5. All are looked at: one that
/// nobody knows would compute something else.
private final class RotarySettings {
    private let config: HFConfig
    private let key: String
    private let members: JSONObject
    private var read: Set<String> = []

    init(_ config: HFConfig) throws {
        self.config = config
        var found: [(key: String, members: JSONObject)] = []
        for key in ["rope_parameters", "rope_scaling"] {
            guard let value = config.value(key) else { continue }
            guard let members = value.object else {
                throw ModelFileError(
                    file: config.path, place: key, problem: "not an object",
                    advice: "use the config.json that was saved with the weights")
            }
            if !members.isEmpty { found.append((key, members)) }
        }
        if found.count > 1, JSONValue.object(found[0].members) != .object(found[1].members) {
            throw ModelFileError(
                file: config.path, place: "rope_scaling",
                problem: "it says something else than rope_parameters",
                advice: "leave one of both in config.json, that with which the model was trained")
        }
        (key, members) = found.first ?? ("rope_parameters", JSONObject())
    }

    /// Under the key of today or the older one.
    func kind() throws -> String {
        read.formUnion(["rope_type", "type"])
        guard let value = members["rope_type"] ?? members["type"] else { return "default" }
        guard let kind = value.string else { throw fault("rope_type", "not a string") }
        return kind
    }

    func number(_ name: String, in range: ClosedRange<Double>) throws -> Double? {
        read.insert(name)
        guard let value = members[name], !value.isNull else { return nil }
        guard let number = value.double, range.contains(number) else {
            throw fault(name, "not a number in \(range.lowerBound)...\(range.upperBound)")
        }
        return number
    }

    func required(_ name: String, in range: ClosedRange<Double>) throws -> Double {
        guard let number = try number(name, in: range) else { throw fault(name, "missing") }
        return number
    }

    func refuseRest() throws {
        _ = try number("partial_rotary_factor", in: 1...1)
        for (name, value) in members.members where !read.contains(name) && !value.isNull {
            throw fault(name, "rotary positions with this setting are not supported")
        }
    }

    func fault(
        _ name: String?, _ problem: String,
        _ advice: String = "use the config.json that was saved with the weights"
    ) -> ModelFileError {
        ModelFileError(
            file: config.path, place: name.map { "\(key).\(oneLine($0, limit: 80))" } ?? key,
            problem: problem,
            advice: advice)
    }
}
