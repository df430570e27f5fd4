import Messages
import ModelFiles

/// The members of an image processor's file, checked. A member that is null counts as absent, as for transformers.
struct ProcessorFields {
    let json: JSONObject
    let file: String

    /// Sides beyond this are no model's: they would fill the memory.
    private static let longestSide = 16_384

    /// Members that say nothing of pixels, or nothing that could differ: arrays are channels first.
    private static let silent: Set<String> = [
        "image_processor_type", "feature_extractor_type", "processor_class", "data_format",
        "input_data_format", "device", "return_tensors", "disable_grouping", "image_seq_length",
        "_valid_processor_keys",
        "do_reduce_labels", "reduce_labels", "model_input_names", "_commit_hash", "_name_or_path",
    ]
    private static let read: Set<String> = [
        "do_convert_rgb", "do_resize", "size", "resample", "do_center_crop", "crop_size", "do_rescale",
        "rescale_factor",
        "do_normalize",
        "image_mean", "image_std", "default_to_square", "do_pad", "pad_size", "use_square_size",
    ]

    func fault(_ key: String, _ problem: String, _ advice: String? = nil) -> ModelFileError {
        ModelFileError(
            file: file, place: "key \(quoted(key))", problem: problem,
            advice: advice ?? "copy the file again from where the model comes from")
    }

    func value(_ key: String) -> JSONValue? { json[key].flatMap { $0.isNull ? nil : $0 } }

    /// The class that the file names, or that the model has.
    func kind(modelType: String?) throws -> ImageProcessorClass {
        for key in ["image_processor_type", "feature_extractor_type"] {
            guard let value = value(key) else { continue }
            let name = value.string ?? value.text()
            guard let kind = ImageProcessorClass(name: name) else {
                let known = ImageProcessorClass.allCases.map(\.rawValue).joined(separator: ", ")
                throw fault(key, "\(quoted(name)) is not known, only \(known)", "use a model of one of these")
            }
            return kind
        }
        guard let kind = modelType.flatMap(ImageProcessorClass.init(modelType:)) else {
            throw fault(
                "image_processor_type",
                "missing, and \(modelType.map { "'\(oneLine($0, limit: 40))'" } ?? "the model") has no usual one",
                "name transformers' class, such as ViTImageProcessor")
        }
        return kind
    }

    /// - Throws: for what would make other pixels, or may.
    func checkKeys() throws {
        if let key = json.keys.first(where: {
            value($0) != nil && !Self.read.contains($0) && !Self.silent.contains($0)
        }) {
            throw fault(
                key, "not known, and it may change pixels",
                "remove it if transformers' class does not read it, or use another model")
        }
        if try bool("do_pad", false) {
            throw fault("do_pad", "images are not padded here", "use another model")
        }
        if try bool("use_square_size", false) {
            throw fault(
                "use_square_size", "not known any more",
                "write \"size\": {\"height\": …, \"width\": …} in its place")
        }
    }

    func bool(_ key: String, _ usual: Bool) throws -> Bool {
        guard let value = value(key) else { return usual }
        guard let flag = value.bool else { throw fault(key, "\(shown(value)) is neither true nor false") }
        return flag
    }

    func filter(_ kind: ImageProcessorClass) throws -> ResampleFilter {
        guard let value = value("resample") else { return kind.filter }
        guard let filter = value.int.flatMap(ResampleFilter.init(rawValue:)) else {
            throw fault("resample", "\(shown(value)) is none of PIL's filters 0 to 5")
        }
        return filter
    }

    func size(_ kind: ImageProcessorClass) throws -> ProcessorSize {
        let key = "size"
        switch value(key) {
        case nil: return kind.size
        case .object(let members)?: return try size(members)
        case .array(let sides)?:
            guard sides.count == 2 else { throw fault(key, "\(sides.count) sides, not height and width") }
            return .exact(height: try side(key, sides[0]), width: try side(key, sides[1]))
        case let value?:
            let edge = try side(key, value)
            return try bool("default_to_square", kind.takesSquares)
                ? .exact(height: edge, width: edge) : .shortestEdge(edge)
        }
    }

    private func size(_ members: JSONObject) throws -> ProcessorSize {
        let names = members.keys.filter { members[$0]?.isNull == false }
        func side(_ name: String) throws -> Int { try self.side("size", members[name] ?? .null) }
        switch Set(names) {
        case ["height", "width"]: return .exact(height: try side("height"), width: try side("width"))
        case ["shortest_edge"]: return .shortestEdge(try side("shortest_edge"))
        case ["shortest_edge", "longest_edge"]:
            return .edges(shortest: try side("shortest_edge"), longest: try side("longest_edge"))
        case ["max_height", "max_width"]:
            return .within(height: try side("max_height"), width: try side("max_width"))
        default:
            throw fault(
                "size", "\(shown(.object(members))) is no size that transformers 5 resizes by",
                "give height and width, shortest_edge with or without longest_edge, or max_height and max_width"
            )
        }
    }

    private func side(_ key: String, _ value: JSONValue) throws -> Int {
        guard let side = value.int, (1...Self.longestSide).contains(side) else {
            throw fault(key, "\(shown(value)) is no side of 1 to \(Self.longestSide) pixels")
        }
        return side
    }

    func cropSize(_ kind: ImageProcessorClass) throws -> (height: Int, width: Int) {
        let key = "crop_size"
        switch value(key) {
        case nil:
            guard let usual = kind.cropSize else {
                throw fault(key, "missing, though do_center_crop is true")
            }
            return usual
        case .object(let members)?:
            return (try side(key, members["height"] ?? .null), try side(key, members["width"] ?? .null))
        case .array(let sides)?:
            guard sides.count == 2 else { throw fault(key, "\(sides.count) sides, not height and width") }
            return (try side(key, sides[0]), try side(key, sides[1]))
        case let value?:
            let edge = try side(key, value)
            return (edge, edge)
        }
    }

    /// What each sample becomes, by numpy's steps of the PIL backend: rescaled in float64 and rounded to float32, then mean and
    /// deviation in float32.
    func values(_ kind: ImageProcessorClass) throws -> [[Float]] {
        let factor = try bool("do_rescale", true) ? try number("rescale_factor", 1 / 255.0) : 1
        let rescaled = (0..<256).map { Float(Double($0) * factor) }
        guard try bool("do_normalize", true) else { return [rescaled, rescaled, rescaled] }
        let means = try channels("image_mean", kind.mean)
        let deviations = try channels("image_std", kind.deviation)
        if deviations.contains(0) { throw fault("image_std", "0, by which nothing can be divided") }
        return zip(means, deviations).map { mean, deviation in rescaled.map { ($0 - mean) / deviation } }
    }

    private func number(_ key: String, _ usual: Double) throws -> Double {
        guard let value = value(key) else { return usual }
        guard let number = value.double, number.isFinite else {
            throw fault(key, "\(shown(value)) is not a number")
        }
        return number
    }

    /// One number for all, or one for each of red, green and blue.
    private func channels(_ key: String, _ usual: [Float]) throws -> [Float] {
        guard let value = value(key) else { return usual }
        let count = ImagePreprocessing.channels
        let numbers =
            value.double.map { Array(repeating: $0, count: count) } ?? value.array?.compactMap(\.double) ?? []
        guard numbers.count == count, value.array?.count ?? count == count else {
            throw fault(
                key, "\(shown(value)) is not a number for each of red, green and blue",
                "images are read with three channels: give three numbers, or one for all")
        }
        let floats = numbers.map { Float($0) }
        guard floats.allSatisfy(\.isFinite) else { throw fault(key, "\(shown(value)) is too large") }
        return floats
    }

    private func shown(_ value: JSONValue) -> String { oneLine(value.text(), limit: 80) }
}
