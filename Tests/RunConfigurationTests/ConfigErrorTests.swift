import RunConfiguration
import Testing

/// Every message, word for word.
@Suite struct ConfigErrorTests {
    /// A fifth line in the file, and the one problem it makes.
    static let fileLines: [(line: String, problem: String)] = [
        ("learning-rate: fast", "learning-rate: 'fast' is not a number; write it like 0.003 or 3e-3"),
        ("learning-rate: 0,5", "learning-rate: '0,5' is not a number; write it like 0.003 or 3e-3"),
        ("learning-rate: 3_000", "learning-rate: '3_000' is not a number; write it like 0.003 or 3e-3"),
        ("learning-rate: .nan", "learning-rate: '.nan' is not a number; write it like 0.003 or 3e-3"),
        ("learning-rate: nan", "learning-rate: 'nan' is not a number; write it like 0.003 or 3e-3"),
        ("learning-rate: inf", "learning-rate: 'inf' is not a number; write it like 0.003 or 3e-3"),
        ("learning-rate: 0x1p3", "learning-rate: '0x1p3' is not a number; write it like 0.003 or 3e-3"),
        ("learning-rate: 1e", "learning-rate: '1e' is not a number; write it like 0.003 or 3e-3"),
        ("learning-rate: 0", "learning-rate: '0' is out of range; use a number above 0 and at most 1000"),
        (
            "learning-rate: 1e999",
            "learning-rate: '1e999' is out of range; use a number above 0 and at most 1000"
        ),
        ("weight-decay: 1e-999", "weight-decay: '1e-999' is out of range; use a number from 0 to 1000"),
        ("adam-epsilon: 1e-60", "adam-epsilon: '1e-60' is out of range; use a number above 0 and at most 1"),
        ("weight-decay: -1", "weight-decay: '-1' is out of range; use a number from 0 to 1000"),
        ("head-dropout: 1", "head-dropout: '1' is out of range; use a number from 0 to below 1"),
        ("scale: '2'", "scale: '2' in quotes is a text, not a number; write it like 0.003 or 3e-3"),
        ("scale: null", "scale: null is not a number; write it like 0.003 or 3e-3"),
        ("scale:", "scale: the value is empty; write a number like 0.003 or 3e-3"),
        ("scale: [1]", "scale: a list is not a number; write it like 0.003 or 3e-3"),
        ("scale: {a: 1}", "scale: a mapping is not a number; write it like 0.003 or 3e-3"),
        ("scale: !!float 1", "scale: a value with a tag is not a number; write it like 0.003 or 3e-3"),
        ("batch-size: 1e3", "batch-size: '1e3' is not a whole number; write it like 300"),
        ("batch-size: 3.0", "batch-size: '3.0' is not a whole number; write it like 300"),
        ("batch-size: 0", "batch-size: '0' is out of range; use a whole number from 1 to 1000000"),
        (
            "batch-size: 99999999999999999999",
            "batch-size: '99999999999999999999' is out of range; use a whole number from 1 to 1000000"
        ),
        ("threads: ''", "threads: '' in quotes is a text, not a whole number; write it like 300"),
        ("seed: -1", "seed: '-1' is out of range; use a whole number from 0 to 18446744073709551615"),
        ("seed: true", "seed: 'true' is not a whole number; write it like 300"),
        ("validation:", "validation: the value is empty; give a text, or leave the key out"),
        ("validation: ''", "validation: a text is empty; give a text, or leave the key out"),
        ("validation: \"a\\0b\"", "validation: 'a\\u{0}b' has a NUL character; remove it"),
        ("validation: [a]", "validation: a list is not a text; give one text"),
        ("validation: {a: b}", "validation: a mapping is not a text; give one text"),
        (
            "method: adalor",
            "method: 'adalor' is not a choice; did you mean 'adalora'? use adalora, lora, dora, adadora, bottleneck, prefix, prompt, ia3, bitfit, norms, head or full"
        ),
        (
            "method: peft",
            "method: 'peft' is not a choice; use adalora, lora, dora, adadora, bottleneck, prefix, prompt, ia3, bitfit, norms, head or full"
        ),
        (
            "method: null",
            "method: 'null' is not a choice; did you mean 'full'? use adalora, lora, dora, adadora, bottleneck, prefix, prompt, ia3, bitfit, norms, head or full"
        ),
        (
            "method:",
            "method: the value is empty; use adalora, lora, dora, adadora, bottleneck, prefix, prompt, ia3, bitfit, norms, head or full"
        ),
        (
            "method: [lora]",
            "method: a list is not one choice; use adalora, lora, dora, adadora, bottleneck, prefix, prompt, ia3, bitfit, norms, head or full"
        ),
        (
            "method: {a: b}",
            "method: a mapping is not a choice; use adalora, lora, dora, adadora, bottleneck, prefix, prompt, ia3, bitfit, norms, head or full"
        ),
        ("targets: []", "targets: the list is empty; name at least one, or leave the key out"),
        ("targets: query, query", "targets: 'query' is listed twice; name each once"),
        ("targets: [query, '']", "targets: a text is empty; give a text, or leave the key out"),
        ("targets: query,", "targets: a text is empty; give a text, or leave the key out"),
        ("targets: [[query]]", "targets: a list of anything but texts is not a text; give one text"),
        ("targets: null", "targets: null is not a text; give a text, or leave the key out"),
        (
            "targets: [quary]",
            "targets: 'quary' is not a choice; did you mean 'query'? "
                + "use all, query, key, value, attention-output, intermediate, output, gate, "
                + "up, down, qkv or gate-up"
        ),
        ("text-column: [a, b, c]", "text-column: 3 text columns are too many; name one, or two for pairs"),
        ("text-column: [a, a]", "text-column: 'a' is listed twice; name each once"),
        ("learning_rate: 1", "learning_rate: unknown key; did you mean 'learning-rate'?"),
        ("Learning-Rate: 1", "Learning-Rate: unknown key; did you mean 'learning-rate'?"),
        ("lerning-rate: 1", "lerning-rate: unknown key; did you mean 'learning-rate'?"),
        ("treads: 1", "treads: unknown key; did you mean 'threads'?"),
        ("resume: yes", "resume: unknown key; 'adalora train --help' lists the keys"),
        ("average-rank: 4", "average-rank: cannot be combined with budget; keep one of the two"),
        ("seed: 1\nseed: 2", "'seed' was already given on line 5; keep one"),
        ("[a]: 1", "a key is not a text; write one 'key: value' a line"),
        (
            "early-stopping: 3",
            "early-stopping: needs validation data; say --validation FILE or --validation-fraction F, or remove it"
        ),
        (
            "best-metric: loss",
            "best-metric: needs validation data; say --validation FILE or --validation-fraction F, or remove it"
        ),
        (
            "validation-fraction: 0",
            "validation-fraction: '0' is out of range; use a number above 0 and below 1"
        ),
        (
            "validation-fraction: 1",
            "validation-fraction: '1' is out of range; use a number above 0 and below 1"
        ),
        (
            "warmup-fraction: 0.7",
            "warmup-fraction: warmup-fraction 0.7 and final-fraction 0.4 leave no steps to allocate in; "
                + "make their sum less than 1"
        ),
        (
            "final-fraction: .9",
            "final-fraction: warmup-fraction 0.1 and final-fraction 0.9 leave no steps to allocate in; "
                + "make their sum less than 1"
        ),
    ]

    @Test(arguments: ConfigErrorTests.fileLines)
    func inTheFile(line: String, problem: String) {
        let place = line.hasPrefix("seed: 1\n") ? 6 : 5
        #expect(problems(smallestFile + line + "\n") == ["run.yaml:\(place): " + problem])
    }

    static let flags: [(flags: Flags, problem: String)] = [
        ([("seed", "x")], "--seed: 'x' is not a whole number; write it like 300"),
        ([("scale", "")], "--scale: the value is empty; write a number like 0.003 or 3e-3"),
        ([("validation", "")], "--validation: the value is empty; give a text, or leave the key out"),
        (
            [("validation", "\u{feff}v")],
            "--validation: '\\u{feff}v' starts with a byte order mark; remove it"
        ),
        ([("threads", "null")], "--threads: 'null' is not a whole number; write it like 300"),
        ([("batch_size", "8")], "--batch_size: unknown key; did you mean 'batch-size'?"),
        ([("resume", "x")], "--resume: unknown key; 'adalora train --help' lists the keys"),
        ([("a\nb", "x")], "--a\\u{a}b: unknown key; 'adalora train --help' lists the keys"),
        ([("seed", "1"), ("seed", "1")], "--seed: given more than once; keep one"),
        (
            [("from-adapter", "a"), ("method", "head")],
            "--from-adapter: method head has no adapters to start with; use adalora, lora, dora, adadora, bottleneck, prefix, prompt or ia3, or leave it out"
        ),
        (
            [("from-adapter", "a"), ("initialize", "activation-svd")],
            "--initialize: activation-svd chooses the start that from-adapter gives; use orthonormal, for the "
                + "triplets beyond the adapter's"
        ),
        (
            [("from-adapter", "a"), ("initialize", "lora")],
            "--initialize: lora chooses the start that from-adapter gives; use orthonormal, for the triplets "
                + "beyond the adapter's"
        ),
        (
            [("initialize", "lora"), ("warmup-fraction", "0.02")],
            "--initialize: initialize lora knows nothing of its triplets in the first steps; "
                + "make warmup-fraction 0.05 or more"
        ),
        (
            [("from-adapter", "a"), ("method", "lora"), ("lora-start", "pissa")],
            "--lora-start: pissa chooses the start that from-adapter gives; leave one of the two out"
        ),
        (
            [("method", "lora"), ("freeze-a", "on"), ("adapter-optimizer", "balanced")],
            "--adapter-optimizer: balanced moves both factors, and freeze-a on keeps A as it is; leave one of the two out"
        ),
        (
            [("adapter-optimizer", "balanced"), ("orthogonality", "squared")],
            "--adapter-optimizer: balanced does not see how P, Λ and Q are split, which orthogonality squared is about; use "
                + "orthogonality exact, or adam"
        ),
        (
            [("method", "lora"), ("freeze-a", "on"), ("lora-plus-ratio", "16")],
            "--lora-plus-ratio: freeze-a on leaves A no learning rate to be a multiple of; give B's as "
                + "learning-rate, and leave lora-plus-ratio out"
        ),
        (
            [("lora-plus-ratio", "0")],
            "--lora-plus-ratio: '0' is out of range; use a number above 0 and at most 1000000"
        ),
        ([("average-rank", "4")], "--average-rank: cannot be combined with budget; keep one of the two"),
        ([("epochs", "1"), ("steps", "1")], "--steps: cannot be combined with epochs; keep one of the two"),
        (
            [("validation", "v"), ("validation-fraction", "0.1")],
            "--validation-fraction: cannot be combined with validation; keep one of the two"
        ),
        (
            [("validation", "v"), ("task", "regression"), ("best-metric", "accuracy")],
            "--best-metric: accuracy does not exist for task regression; use pearson, spearman, mae, "
                + "rmse or loss"
        ),
        (
            [("validation", "v"), ("best-metric", "pearson")],
            "--best-metric: pearson does not exist for task classification; "
                + "use accuracy, macro-f1, matthews, ece or loss"
        ),
    ]

    @Test func inTheFlags() {
        for (flags, problem) in Self.flags { #expect(problems(nil, smallest + flags) == [problem]) }
    }

    @Test func missing() {
        #expect(
            problems() == [
                "model: missing; say --model FOLDER, or write 'model: FOLDER' in the file",
                "train: missing; say --train FILE, or write 'train: FILE' in the file",
                "output: missing; say --output FOLDER, or write 'output: FOLDER' in the file",
                "budget: missing for method adalora; say --budget N, --average-rank R or --budget-parameters N",
            ])
        let paths = Array(smallest.dropLast())
        #expect(
            problems(nil, paths + [("method", "lora")]) == [
                "budget: missing for method lora; say --budget N, --average-rank R or --budget-parameters N"
            ])
        #expect(
            problems(nil, paths + [("average-rank", "8"), ("initial-rank", "6")]) == [
                "--initial-rank: initial-rank 6 is below average-rank 8; raise the one or lower the other"
            ])
        #expect(
            problems(nil, smallest + [("initial-rank", "0.9x")]) == [
                "--initial-rank: '0.9x' starts below the budget; use 1x or more, like 1.5x"
            ])
        #expect(
            problems(nil, smallest + [("initial-rank", "x")]).first?.hasPrefix("--initial-rank: ") == true)
        #expect(
            problems(nil, smallest + [("initial-rank", "0")]).first?.hasPrefix("--initial-rank: ") == true)
    }

    static let unreadableFiles: [(yaml: String, problem: String)] = [
        ("- a\n- b\n", "run.yaml:1: this is not a mapping; write one 'key: value' a line"),
        ("\nseed 5\n", "run.yaml:2: this is not a mapping; write one 'key: value' a line"),
        (
            "seed: 5\n\tscale: 1\n",
            "run.yaml:2: not valid YAML: while scanning a plain scalar found a tab character that "
                + "violates indentation; check the indentation, colons and quotes there"
        ),
        (
            "seed: [5\nscale: 1\n",
            "run.yaml:2: not valid YAML: while parsing a flow sequence did not find expected ',' or ']'; "
                + "check the indentation, colons and quotes there"
        ),
        (
            "seed: 5\n---\nseed: 6\n",
            "run.yaml:2: not valid YAML: expected a single document in the stream but found another document; "
                + "check the indentation, colons and quotes there"
        ),
        (
            "seed: 5\nmodel: \u{1}\n",
            "run.yaml:2: not valid YAML: control characters are not allowed; save the file as plain UTF-8 text"
        ),
        (
            "seed: &five 5\nsteps: *five\n",
            "run.yaml:1: anchors and aliases are not accepted; write each value out, or quote a text with '&'"
        ),
        (
            "seed: 5\nsteps: *five\n",
            "run.yaml:2: anchors and aliases are not accepted; write each value out, "
                + "or quote a text that starts with '*'"
        ),
        ("{seed: 1, seed: 2}", "run.yaml:1: given more than once: 'seed'; keep one of each"),
        ("seed: 1\nscale: {a: 1, a: 2}", "run.yaml:2: given more than once: 'a'; keep one of each"),
        (
            "seed: 1\nseed: 2\n\"se\\x65d\": 3",
            "run.yaml:2: 'seed' was already given on line 1; keep one\n"
                + "run.yaml:1: given more than once: 'seed'; keep one of each"
        ),
    ]

    @Test(arguments: ConfigErrorTests.unreadableFiles)
    func unreadable(yaml: String, problem: String) {
        #expect(problems(yaml, smallest).joined(separator: "\n") == problem)
    }

    @Test func allAtOnce() {
        let file = """
            model: m
            train: t.csv
            learning_rate: 1
            output: o
            batch-size: many
            scale: -1
            # The next two lines say the same thing twice.
            targets:
              - query
            targets:
            - quary
            - key
            budget: 5
            average-rank: 4
            """
        let expected = [
            "run.yaml:10: 'targets' was already given on line 8; keep one",
            "run.yaml:3: learning_rate: unknown key; did you mean 'learning-rate'?",
            "run.yaml:5: batch-size: 'many' is not a whole number; write it like 300",
            "run.yaml:6: scale: '-1' is out of range; use a number above 0 and at most 1000000",
            "run.yaml:14: average-rank: cannot be combined with budget; keep one of the two",
        ]
        #expect(problems(file) == expected)
        #expect(problems(file, [("seed", "x")]).count == 6)
        do {
            _ = try load(file)
        } catch {
            #expect("\(error)" == expected.joined(separator: "\n"))
        }
    }

    /// A misspelt or invalid value makes one line, not a second one that it is missing.
    @Test func noProblemFollowsFromAnother() {
        #expect(problems("modle: m\ntrain: t\noutput: o\nbugdet: 5\n").count == 2)
        #expect(problems("model: m\ntrain: t\noutput: o\nbudget: x\n").count == 1)
        #expect(problems("model: m\ntrain: t\noutput: [\n", [("seed", "x")]).count == 2)
    }
}
