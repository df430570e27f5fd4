import Messages
import ModelFiles

/// The keys of one architecture in a GGUF (`llama.block_count` …), with what the tensors say of sizes. Keys that are asked
/// for are recorded: what nobody looked at may ask for something that is not computed here.
struct GGUFKeys: Sendable {
    let file: GGUFFile
    let architecture: String
    private let read = KeysRead()

    /// The whole name of a key.
    func name(_ key: String) -> String { "\(architecture).\(key)" }

    func int(_ key: String, _ usual: Int? = nil) throws -> Int {
        guard let number = try optionalInt(key) ?? usual else { throw fault(key, "missing") }
        return number
    }

    func optionalInt(_ key: String) throws -> Int? { try file.metadata.int(asked(key)) }

    func double(_ key: String, _ usual: Double? = nil) throws -> Double {
        guard let number = try optionalDouble(key) ?? usual else { throw fault(key, "missing") }
        return number
    }

    func optionalDouble(_ key: String) throws -> Double? { try file.metadata.double(asked(key)) }

    func bool(_ key: String, _ usual: Bool) throws -> Bool { try file.metadata.bool(asked(key)) ?? usual }

    func optionalString(_ key: String) throws -> String? { try file.metadata.string(asked(key)) }

    /// A number of which some models have one a layer: all the same here.
    func alike(_ key: String) throws -> Int? {
        guard file.metadata.isArray(asked(key)) else { return try optionalInt(key) }
        let values = try file.metadata.ints(name(key)) ?? []
        guard let first = values.first else { throw fault(key, "an array without values") }
        guard values.allSatisfy({ $0 == first }) else {
            throw fault(
                key, "the layers have different values, which is not supported",
                "use a model whose layers are alike")
        }
        return first
    }

    /// Which layers see a window: by a period, whose last layer sees all, or a flag a layer.
    func windows(_ layers: Int, usualPeriod: Int) throws -> [Bool] {
        let key = "attention.sliding_window_pattern"
        if file.metadata.isArray(asked(key)) {
            let flags = try file.metadata.bools(name(key)) ?? []
            guard flags.count == layers else {
                throw fault(key, "\(flags.count) flags for \(layers) layers")
            }
            return flags
        }
        let period = try int(key, usualPeriod)
        guard period >= 0 else { throw fault(key, "\(period) is no period") }
        return (0..<layers).map { period == 0 || $0 % period < period - 1 }
    }

    func has(tensor name: String) -> Bool { file.tensor(name) != nil }

    /// The values of a small Float32 tensor of the file; nil where there is none.
    func values(_ tensor: String) throws -> [Float]? {
        guard let found = file.tensor(tensor) else { return nil }
        guard found.shape.count == 1, found.shape[0] <= 65_536 else {
            throw ModelFileError(
                file: file.path, place: tensor, problem: "shape \(found.shape) where one row is meant",
                advice: Self.advice)
        }
        var values = [Float](repeating: 0, count: found.shape[0])
        try values.withUnsafeMutableBufferPointer { try file.copyFloat32(tensor, into: $0) }
        return values
    }

    /// Of this architecture, in the order of the file.
    var unreadKeys: [String] {
        let read = read.all
        return file.metadata.keys.filter { $0.hasPrefix(architecture + ".") && !read.contains($0) }
    }

    static let advice = "convert the model again with a current llama.cpp"

    func fault(_ key: String, _ problem: String, _ advice: String = Self.advice) -> ModelFileError {
        ModelFileError(file: file.path, place: "key \(quoted(name(key)))", problem: problem, advice: advice)
    }

    /// Records a key; its whole name.
    @discardableResult
    func asked(_ key: String) -> String {
        let name = name(key)
        read.insert(name)
        return name
    }

    init(_ file: GGUFFile, architecture: String) { (self.file, self.architecture) = (file, architecture) }
}
