import Messages
import ModelFiles

/// The members of `rope_parameters`, or of `rope_scaling` in files of transformers before 5. All are looked at: one that
/// nobody knows would compute something else.
final class RotarySettings {
    private static let layerTypes = ["full_attention", "sliding_attention"]

    private let config: HFConfig
    /// Of one type of layers among several
    let isOfLayerType: Bool
    private let key: String
    private let members: JSONObject
    private var read: Set<String> = []

    /// - Parameter layerType: of a model whose `rope_parameters` hold an object for each type of layer. Its older files say
    ///   in `rope_scaling` what layers of full attention do.
    init(_ config: HFConfig, layerType: String?) throws {
        self.config = config
        isOfLayerType = layerType != nil
        let parameters = try Self.object(config, "rope_parameters")
        let scaling = try Self.object(config, "rope_scaling")
        guard let layerType else {
            if !parameters.isEmpty, !scaling.isEmpty, parameters != scaling { throw Self.twice(config) }
            (key, members) =
                parameters.isEmpty && !scaling.isEmpty
                ? ("rope_scaling", scaling) : ("rope_parameters", parameters)
            return
        }
        for (name, value) in parameters.members where !value.isNull {
            guard Self.layerTypes.contains(name), value.object != nil else {
                throw ModelFileError(
                    file: config.path, place: "rope_parameters.\(oneLine(name, limit: 80))",
                    problem: "rotary positions of this model are said for each type of layer",
                    advice: "use the config.json that was saved with the weights")
            }
        }
        let own = parameters[layerType]?.object ?? JSONObject()
        guard layerType == "full_attention", !scaling.isEmpty else {
            (key, members) = ("rope_parameters.\(layerType)", own)
            return
        }
        if !parameters.isEmpty, own != scaling { throw Self.twice(config) }
        (key, members) = ("rope_scaling", scaling)
    }

    private static func object(_ config: HFConfig, _ key: String) throws -> JSONObject {
        guard let value = config.value(key) else { return JSONObject() }
        guard let members = value.object else {
            throw ModelFileError(
                file: config.path, place: key, problem: "not an object",
                advice: "use the config.json that was saved with the weights")
        }
        return members
    }

    private static func twice(_ config: HFConfig) -> ModelFileError {
        ModelFileError(
            file: config.path, place: "rope_scaling", problem: "it says something else than rope_parameters",
            advice: "leave one of both in config.json, that with which the model was trained")
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

    /// So many numbers.
    func numbers(_ name: String, count: Int, in range: ClosedRange<Double>) throws -> [Double] {
        read.insert(name)
        let values = members[name]?.array ?? []
        let numbers = values.compactMap(\.double).filter(range.contains)
        guard values.count == count, numbers.count == count else {
            throw fault(name, "not \(count) numbers in \(range.lowerBound)...\(range.upperBound)")
        }
        return numbers
    }

    func flag(_ name: String, default usual: Bool) throws -> Bool {
        read.insert(name)
        guard let value = members[name], !value.isNull else { return usual }
        guard let flag = value.bool else { throw fault(name, "neither true nor false") }
        return flag
    }

    /// Somebody else looks at these.
    func pass(over names: [String]) { read.formUnion(names) }

    func refuseRest() throws {
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
