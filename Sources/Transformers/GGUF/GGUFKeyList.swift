import ModelFiles

/// The keys of one architecture (`llama.block_count` …) as they are written.
struct GGUFKeyList {
    private let architecture: String
    private(set) var all: [(key: String, value: GGUFValue)] = []

    init(architecture: String) { self.architecture = architecture }

    mutating func add(_ key: String, _ number: Int) { add(key, .uint32(UInt32(clamping: number))) }
    mutating func add(_ key: String, _ number: Float) { add(key, .float32(number)) }
    mutating func add(_ key: String, _ number: Double) { add(key, .float32(Float(number))) }

    mutating func add(_ key: String, _ value: GGUFValue) { all.append((architecture + "." + key, value)) }
}
