import RunConfiguration
import Testing

@Suite struct RoundTripTests {
    @Test func theResolvedCopyExplainsEveryKey() throws {
        let yaml = try load(nil, smallest).config.yaml()
        let lines = yaml.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count == 2 * RunConfig.settings.count + 1)
        for (index, setting) in RunConfig.settings.enumerated() {
            #expect(lines[2 * index].hasPrefix("# \(setting.help) ("))
            #expect(lines[2 * index + 1].hasPrefix("\(setting.key): "))
        }
        #expect(yaml.hasPrefix("# Folder of the pretrained model (required)\nmodel: m\n"))
        #expect(
            yaml.contains(
                "# Worker threads (default: all cores)\nthreads: null\n"
            ))
    }

    @Test func randomConfigurations() throws {
        var numbers = SeededNumbers(seed: 20)
        for _ in 0..<300 {
            let first = try load(nil, Self.randomFlags(using: &numbers))
            let yaml = first.config.yaml()
            let second = try load(yaml)
            #expect(second.config == first.config)
            #expect(second.config.yaml() == yaml)
            #expect(second.config.differences(from: first.config).isEmpty)
        }
    }

    /// Texts that mean something else to some YAML reader, or that YAML only allows escaped.
    @Test(arguments: [
        "null", "~", "true", "No", "5", "1e3", "0x10", "1:30", "-", "- a", "a: b", "a #b", "#a", "*a", "&a",
        "!a",
        "'a'", "\"a\"", "a\\b", "[a]", "{a}", "a, b", " a ", "a\nb", "a\r\nb", "\t", "\u{1}\u{7f}\u{85}",
        "\u{2028}",
        "x\u{feff}", "é", "e\u{301}", "日本", "😀", "\u{E000}", "%a", "@a", "`a`", "|", ">", "?", "---", "...",
        "<<", "=",
    ])
    func textsThatLookLikeOtherThings(text: String) throws {
        let flags: Flags = [
            ("model", text), ("train", text), ("output", text), ("validation", text), ("budget", "1"),
        ]
        let config = try load(nil, flags).config
        let again = try load(config.yaml()).config
        #expect(again == config)
        #expect(Array(again.model.unicodeScalars) == Array(text.unicodeScalars))
    }

    private static func randomFlags(using numbers: inout SeededNumbers) -> Flags {
        let pieces = [
            "a", "data", "/", ".csv", " ", "é", "\"", "\\", "#", ": ", "'", "\n", "*", "&x", "5", "-", "~",
        ]
        func path(_ numbers: inout SeededNumbers) -> String {
            (0..<Int.random(in: 1...6, using: &numbers)).map { _ in
                pieces.randomElement(using: &numbers) ?? "a"
            }.joined()
        }
        func number(_ most: Double, _ numbers: inout SeededNumbers) -> String {
            let exponent = Double.random(in: -12...0, using: &numbers)
            let shrink =
                Bool.random(using: &numbers) ? 1 : (1...Int(-exponent + 1)).reduce(1.0) { x, _ in x / 10 }
            return String(Double.random(in: 0.01..<1, using: &numbers) * most * shrink)
        }
        var flags: Flags = ["model", "train", "output", "validation"].map { ($0, path(&numbers)) }
        flags.append(Bool.random(using: &numbers) ? ("budget", "300") : ("average-rank", number(9, &numbers)))
        if Bool.random(using: &numbers) {
            flags.append(("steps", "\(Int.random(in: 1...5000, using: &numbers))"))
        }
        for key in ["adapter-dropout", "head-dropout", "adam-beta1", "adam-beta2", "importance-beta1"]
            + ["importance-beta2", "learning-rate-warmup", "adam-epsilon"]
        where Bool.random(using: &numbers) {
            flags.append((key, number(1, &numbers)))
        }
        for key in ["learning-rate", "head-learning-rate", "weight-decay", "gradient-clip", "scale"]
            + ["orthogonality-weight"]
        where Bool.random(using: &numbers) {
            flags.append((key, number(1000, &numbers)))
        }
        for key in ["warmup-fraction", "final-fraction"] where Bool.random(using: &numbers) {
            flags.append((key, number(0.5, &numbers)))
        }
        for key in ["initial-rank", "batch-size", "accumulate", "max-length", "allocate-every", "threads"]
            + ["checkpoint-every", "keep-checkpoints", "evaluate-every", "early-stopping"]
        where Bool.random(using: &numbers) {
            flags.append((key, String(Int.random(in: 16...4096, using: &numbers))))
        }
        if Bool.random(using: &numbers) {
            flags.removeAll { $0.key == "initial-rank" }
            flags.append(("initial-rank", "\(Int.random(in: 2...9, using: &numbers)).25x"))
        }
        for setting in RunConfig.settings where !setting.choices.isEmpty && Bool.random(using: &numbers) {
            guard setting.key != "best-metric" else { continue }
            let count = setting.key == "targets" ? Int.random(in: 1...6, using: &numbers) : 1
            let chosen = setting.choices.shuffled(using: &numbers).prefix(count)
            flags.append((setting.key, chosen.joined(separator: ",")))
        }
        // These may contradict each other.
        let needsExact = flags.contains { $0.value == "singular-value" || $0.value == "spectral-sensitivity" }
        if needsExact { flags.removeAll { $0.key == "orthogonality" || $0.key == "importance-weights" } }
        if needsExact || flags.contains(where: { $0.value == "exact" }) {
            flags.removeAll { $0.key == "allocator" && $0.value == "fixed" }
        }
        if flags.contains(where: { $0 == ("initialize", "lora") }) {
            flags.removeAll { $0.key == "warmup-fraction" }
        }
        if flags.contains(where: {
            $0.key == "orthogonality" || $0.key == "importance" || $0.key == "allocator"
        })
            || flags.contains(where: { $0.key == "freeze-a" || $0.key == "importance-weights" })
        {
            flags.removeAll { $0.key == "adapter-optimizer" }
        }
        flags.append(("seed", String(UInt64.random(in: 0...UInt64.max, using: &numbers))))
        if Bool.random(using: &numbers) {
            flags.append(("text-column", "first column,second"))
            flags.append(("label-column", path(&numbers)))
        }
        return flags
    }
}
