import Autodiff
import Foundation
import Messages
import ModelFiles

/// Rotary positions (Su et al. 2021) as a `config.json` says them: how fast each pair of a head's columns turns.
struct RotaryScheme: Sendable, Equatable {
    /// Radians a position, of each pair
    let frequencies: [Double]

    /// - Parameters:
    ///   - width: D, the columns of a head that turn.
    ///   - positions: the longest sequence of the model.
    init(_ config: HFConfig, width: Int, positions: Int) throws {
        // transformers 5 writes one object; older files have the base beside `rope_scaling`.
        let (key, settings) =
            config.value("rope_parameters").map { ("rope_parameters", $0) }
            ?? ("rope_scaling", config.value("rope_scaling") ?? .object(JSONObject()))
        let reader = RotarySettings(config: config, key: key, json: settings)
        let base =
            try reader.number("rope_theta", in: 1e-3...1e12)
            ?? config.double("rope_theta", in: 1e-3...1e12, default: 10_000)
        let plain = RotaryTable.frequencies(base: base, width: width)
        let kind = (settings["rope_type"] ?? settings["type"])?.string ?? "default"
        switch kind {
        case "default": frequencies = plain
        case "linear":
            let factor = try reader.required("factor", in: 1...1e6)
            frequencies = plain.map { $0 / factor }
        case "llama3": frequencies = try Self.llama3(plain, reader)
        default:
            throw ModelFileError(
                file: config.path, place: key,
                problem: "rotary positions of kind \(quoted(kind)) are not supported",
                advice: "supported are default, linear and llama3")
        }
    }

    /// Llama 3.1: slow pairs turn `factor` times slower, fast ones as before, and those between by degrees.
    private static func llama3(_ plain: [Double], _ settings: RotarySettings) throws -> [Double] {
        let factor = try settings.required("factor", in: 1...1e6)
        let low = try settings.required("low_freq_factor", in: 1e-3...1e6)
        let high = try settings.required("high_freq_factor", in: 1e-3...1e6)
        let original = try settings.required("original_max_position_embeddings", in: 1...1e9)
        guard high > low else { throw settings.fault("high_freq_factor", "\(high) is not above \(low)") }
        return plain.map { frequency in
            let length = 2 * Double.pi / frequency
            if length < original / high { return frequency }
            if length > original / low { return frequency / factor }
            let smooth = (original / length - low) / (high - low)
            return (1 - smooth) * frequency / factor + smooth * frequency
        }
    }

    func table(longest: Int) -> RotaryTable { RotaryTable(frequencies: frequencies, longest: longest) }
}

/// The members of `rope_parameters` or `rope_scaling`.
private struct RotarySettings {
    let config: HFConfig
    let key: String
    let json: JSONValue

    func number(_ name: String, in range: ClosedRange<Double>) throws -> Double? {
        guard let value = json[name], !value.isNull else { return nil }
        guard let number = value.double, range.contains(number) else {
            throw fault(name, "not a number in \(range.lowerBound)...\(range.upperBound)")
        }
        return number
    }

    func required(_ name: String, in range: ClosedRange<Double>) throws -> Double {
        guard let number = try number(name, in: range) else { throw fault(name, "missing") }
        return number
    }

    func fault(_ name: String, _ problem: String) -> ModelFileError {
        ModelFileError(
            file: config.path, place: "\(key).\(name)", problem: problem,
            advice: "use the config.json that was saved with the weights")
    }
}
