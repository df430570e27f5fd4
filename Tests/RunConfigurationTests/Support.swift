import RunConfiguration

typealias Flags = [(key: String, value: String)]

/// The flags of the smallest valid run.
let smallest: Flags = [("model", "m"), ("train", "t.csv"), ("output", "o"), ("budget", "300")]

/// The file of the smallest valid run, in four lines.
let smallestFile = "model: m\ntrain: t.csv\noutput: o\nbudget: 300\n"

func load(_ yaml: String? = nil, _ flags: Flags = []) throws -> LoadedConfig {
    try RunConfig.load(yaml: yaml, yamlName: "run.yaml", overrides: flags)
}

/// The problems of a configuration; none if it loads.
func problems(_ yaml: String? = nil, _ flags: Flags = []) -> [String] {
    do {
        _ = try load(yaml, flags)
        return []
    } catch let errors as ConfigErrors {
        return errors.problems
    } catch {
        return ["not a ConfigErrors: \(error)"]
    }
}

/// A seeded stream (SplitMix64), so that each property test draws the same numbers in every run.
struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
