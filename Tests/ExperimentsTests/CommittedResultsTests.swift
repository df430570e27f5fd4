import Experiments
import Foundation
import RunConfiguration
import Testing

/// The comparisons of `Benchmarks/results` are those of their plans: whatever changes the ids of trials loses them.
@Suite struct CommittedResultsTests {
    private static let benchmarks = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Benchmarks")

    /// Of MiniLM's folder, SmolLM2's file, what `scripts/train-digits.sh` and `train-shapes.sh` make, and of the data that `scripts/make-wordnet.py`,
    /// `make-reviews.py`, `make-packages.py`, `make-wordnet-chat.py` and `make-digits.py` make.
    private static let minilm = [
        "model/config.json": "dcce0845dd1c3c91", "model/tokenizer.json": "f85d622f29405bf7",
        "model/tokenizer_config.json": "e10178d5323ced4f", "model/vocab.txt": "70445717497bc7b1",
        "model/model.safetensors": "346e1383fca48a72",
    ]
    private static let smollm2 = ["model/SmolLM2-135M-Instruct.Q4_1.gguf": "19e8acf04332cbaf"]
    private static let digitsModel = [
        "model/config.json": "7b7c1c22e2f8e12b", "model/model.safetensors": "7059e1bb86496e76",
        "model/preprocessor_config.json": "a59482c6ab433ba7",
    ]
    private static let shapesModel = [
        "model/config.json": "5d150019df0da627", "model/model.safetensors": "199c72f062388c5",
        "model/preprocessor_config.json": "3a899026efe6a4a0", "model/tokenizer.json": "c3e560f3fe4ca7e7",
        "model/tokenizer_config.json": "bb5b8bc762360e85",
    ]
    private static let data = [
        "shapes-renamed": [
            "train": "689d5a4f796b383f", "validation": "c6cf5f085c88c0f1", "test": "f6c061bc35b7e816",
        ],
        "shapes-outlined": [
            "train": "23654d31f89592b5", "validation": "eb8855134bb29de1", "test": "b810052c8f48029a",
        ],
        "shapes-both": [
            "train": "17245898b15e52ba", "validation": "bffc1dd698acefdf", "test": "76f9d063273d8fc6",
        ],
        "digits-inverted": [
            "train": "e535cc777b7d6b2e", "validation": "3d85c4a296b2d514", "test": "ccdb7bb16de88e76",
        ],
        "digits-rotated": [
            "train": "9bf8befffbc47154", "validation": "be0402ec1c787229", "test": "b431c2d7fa1ad62",
        ],
        "digits-small": [
            "train": "606a96af0ec6a1e0", "validation": "2a636575916d696d", "test": "b18306af10b14e9",
        ],
        "wordnet": [
            "train": "8b2c8c5738080690", "validation": "e69b847f3cf1e2d", "test": "7312f38d268fc6b5",
        ],
        "packages": [
            "train": "55293ddb26516ea6", "validation": "f4afd1dcbc814afb", "test": "39620251584161cf",
        ],
        "reviews": [
            "train": "179c68e3e4bf3a6e", "validation": "98fbce321e6c8bc", "test": "6fd99af52a090f5f",
        ],
        "chat-meanings": [
            "train": "d3049c606bb522d1", "validation": "3b3e45e45cca1574", "test": "3281ae60d6e765a0",
        ],
        "chat-categories": [
            "train": "86f94a2073530677", "validation": "f67de4fa979c2dff", "test": "7cc453c02c021ce9",
        ],
    ]

    struct Folder: Sendable, CustomTestStringConvertible {
        let name: String
        /// Of 6 layers: six matrices each, or query and value.
        let parametersPerRank: Int
        let results: Int
        /// Runs of what the plan was before.
        var earlier: [String] = []

        var testDescription: String { name }
    }

    static let folders = [
        Folder(
            name: "wordnet", parametersPerRank: 41_472, results: 129,
            earlier: ["head-only-lr0.1-s43-5a1112040a"]),
        Folder(
            name: "wordnet-tight", parametersPerRank: 9_216, results: 31,
            earlier: [
                "adalora-exact-p9216-lr3e-3-s42-c4cb151efd", "adalora-exact-p9216-lr3e-3-s43-3a4ed2e862",
                "adalora-exact-p9216-lr3e-3-s44-63194b683c",
            ]),
        Folder(name: "wordnet-mean", parametersPerRank: 41_472, results: 172),
        Folder(name: "packages", parametersPerRank: 41_472, results: 240),
        Folder(name: "reviews", parametersPerRank: 41_472, results: 128),
        Folder(name: "reviews-longer", parametersPerRank: 41_472, results: 6),
        Folder(name: "reviews-one-rate", parametersPerRank: 41_472, results: 36),
        Folder(name: "reviews-tight", parametersPerRank: 9_216, results: 18),
        // Of 30 layers, seven matrices each.
        Folder(name: "chat-meanings", parametersPerRank: 305_280, results: 18),
        Folder(name: "chat-categories", parametersPerRank: 305_280, results: 18),
        // Of 4 layers, six matrices each.
        Folder(name: "digits-inverted", parametersPerRank: 4_608, results: 57),
        Folder(name: "digits-rotated", parametersPerRank: 4_608, results: 59),
        Folder(name: "digits-small", parametersPerRank: 4_608, results: 59),
        // Of 3 layers of texts and 4 of images, six matrices each.
        // At rank 4 some were run at the rate of rank 1 first.
        Folder(
            name: "shapes-renamed", parametersPerRank: 8_064, results: 78,
            earlier: [
                "lora-r4-lr1e-2-s42-748b7796e8",
                "adalora-r4-lr1e-2-s42-1551643691",
                "random-allocation-r4-lr1e-2-s42-f28b6c5cd2",
                "lora-r4-lr1e-2-s43-e81fa3b0a5",
                "adalora-r4-lr1e-2-s43-36cb1dace7",
                "random-allocation-r4-lr1e-2-s43-8c4475a84b",
                "lora-r4-lr1e-2-s44-8249735fa8",
                "adalora-r4-lr1e-2-s44-e45f6855de",
                "random-allocation-r4-lr1e-2-s44-9bcd8390d9",
            ]),
        Folder(
            name: "shapes-outlined", parametersPerRank: 8_064, results: 84,
            earlier: [
                "lora-r4-lr4e-2-s42-669c103e22",
                "lora-r4-lr4e-2-s43-c0176068b9",
                "lora-r4-lr4e-2-s44-4224b36b04",
            ]),
        Folder(
            name: "shapes-both", parametersPerRank: 8_064, results: 68,
            earlier: [
                "lora-r4-lr1e-2-s42-482f9fb5c3",
                "lora-r4-lr1e-2-s43-cbb7144685",
                "lora-r4-lr1e-2-s44-c6accc60cf",
            ]),
    ]

    static func schedule(_ folder: Folder) throws -> TrialSchedule {
        let file = benchmarks.appendingPathComponent("plans/\(folder.name).yaml")
        let plan = try ComparisonPlan.read(
            yaml: try String(contentsOf: file, encoding: .utf8), file: file.path,
            settings: RunConfig.settings.map(\.key))
        let task = String(folder.name.split(separator: "-")[0])
        let (own, model) =
            switch task {
            case "chat": (folder.name, smollm2)
            case "digits": (folder.name, digitsModel)
            case "shapes": (folder.name, shapesModel)
            default: (task, minilm)
            }
        let prints = try #require(data[own]).merging(model) { $1 }
        return try TrialSchedule(
            plan: plan, fingerprints: prints, parametersPerRank: folder.parametersPerRank)
    }

    static func store(_ name: String) -> ResultStore {
        ResultStore(folder: benchmarks.appendingPathComponent("results/\(name)"))
    }

    @Test func eachPlanIsHere() throws {
        let plans = try FileManager.default.contentsOfDirectory(
            atPath: Self.benchmarks.appendingPathComponent("plans").path)
        #expect(plans.sorted() == Self.folders.map { $0.name + ".yaml" }.sorted())
    }

    @Test(arguments: folders)
    func eachResultIsATrialOfItsPlan(folder: Folder) throws {
        let schedule = try Self.schedule(folder)
        let (results, notes) = try Self.store(folder.name).load()
        #expect(notes.isEmpty && results.count == folder.results)
        let state = schedule.state(completed: results)
        let known = Set(state.finished.map(\.trial.id))
        #expect(results.map(\.id).filter { !known.contains($0) } == folder.earlier)
        #expect(state.isComplete && !known.isEmpty)
        // And what they predicted, for all that are reported, in one file.
        let store = Self.store(folder.name)
        #expect(!FileManager.default.fileExists(atPath: store.predictionsFolder.path))
        let stored = try store.predictions()
        for (trial, _) in state.finished where trial.stage == .report {
            #expect(try stored.of(trial.id) != nil, "\(trial.id)")
        }
        #expect(try stored.of(schedule.truthID()) != nil)
    }

    /// Reading a line and writing it again changes no byte.
    @Test(arguments: folders) func resultsAreWrittenAsTheyStand(folder: Folder) throws {
        let copy = ResultStore(folder: Samples.temporaryFolder())
        defer { try? FileManager.default.removeItem(at: copy.folder) }
        let store = Self.store(folder.name)
        for result in try store.load().results { try copy.append(result) }
        #expect(try Data(contentsOf: copy.resultsFile) == Data(contentsOf: store.resultsFile))
    }

    /// Names of settings that stand as text.
    @Test func decisiveSettingsAreSettings() {
        #expect(ComparisonPlan.decisive.isSubset(of: RunConfig.settings.map(\.key)))
    }

    @Test func newWordsForOldSettingsKeepIDs() {
        let listed = "[query, key, value, attention-output, intermediate, output]"
        #expect(Trial.told(["targets": "all", "scale": "all"]) == ["targets": listed, "scale": "all"])
        for text in [listed, "[query, value]"] { #expect(Trial.told(["targets": text]) == ["targets": text]) }
    }
}
