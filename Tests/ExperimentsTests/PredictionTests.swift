import Experiments
import Foundation
import ModelFiles
import Testing

/// Predictions on the disk: a file a trial, and one for all of them.
@Suite struct PredictionTests {
    private let store = ResultStore(folder: Samples.temporaryFolder())
    private let all: [String: Predictions] = [
        "a": .classes([3, 0, 40]), "b": .scores([1, -0.5, 1e-20, 3e12]), "c-1.5+x": .scores([2, 3]),
        "none": .classes([]),
        "shares": .shares([
            "f1": [Share(part: 2, whole: 4), Share(part: 0, whole: 2)],
            "exact-match": [Share(part: 0, whole: 1), Share(part: 0.5, whole: 1)],
        ]),
    ]

    private func write() throws {
        for (id, predictions) in all { try store.write(predictions, id: id) }
    }

    /// Whether all are there, and no others.
    private func expectAll(_ comment: Comment? = nil) throws {
        let stored = try store.predictions()
        for (id, predictions) in all { #expect(try stored.of(id) == predictions, comment) }
        #expect(try stored.of("truth") == nil, comment)
    }

    private var files: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: store.folder.path)) ?? []).sorted()
    }

    @Test func packingKeepsThem() throws {
        #expect(try store.predictions().of("a") == nil)
        try store.packPredictions()
        #expect(files.isEmpty)
        try write()
        #expect(files == ["predictions"])
        try expectAll()
        try store.packPredictions()
        #expect(files == ["predictions.gz"])
        try expectAll()
        let packed = try Data(contentsOf: store.packedPredictions)
        // The same ones are the same bytes, and what comes later is the newer.
        try write()
        try store.packPredictions()
        #expect(try Data(contentsOf: store.packedPredictions) == packed)
        try store.write(.classes([1]), id: "a")
        #expect(try store.predictions().of("a") == .classes([1]))
        try store.packPredictions()
        #expect(try store.predictions().of("a") == .classes([1]))
        #expect(try store.predictions().of("b") == all["b"])
        #expect(files == ["predictions.gz"])
    }

    /// What a kill can leave: nothing packed, all packed with some of the files still there, half of a new packed file.
    @Test func aKillLosesNothing() throws {
        try write()
        let loose = try all.keys.map { id in
            (file: store.predictionsFile(id), data: try Data(contentsOf: store.predictionsFile(id)))
        }
        let partial = store.predictionsFolder.appendingPathComponent(".d.txt.partial-01234567")
        for left in 0...loose.count {
            try store.packPredictions()
            try FileManager.default.createDirectory(
                at: store.predictionsFolder, withIntermediateDirectories: true)
            for (file, data) in loose.prefix(left) { try data.write(to: file) }
            try Data("1\n2".utf8).write(to: partial)
            let half = store.folder.appendingPathComponent(".predictions.gz.partial-01234567")
            try Data(contentsOf: store.packedPredictions).prefix(20).write(to: half)
            try expectAll("\(left) files left")
            try store.packPredictions()
            try expectAll("\(left) files left, packed again")
            try FileManager.default.removeItem(at: half)
        }
        #expect(files == ["predictions.gz"])
    }

    /// Earlier versions packed nothing.
    @Test func filesWithoutALastLineBreak() throws {
        try write()
        try Data("3\n0\n40".utf8).write(to: store.predictionsFile("a"))
        try expectAll()
        try store.packPredictions()
        try expectAll()
    }

    @Test func damagedFilesAreNamed() throws {
        try write()
        try "1\nx\n".write(to: store.predictionsFile("b"), atomically: true, encoding: .utf8)
        let loose = #expect(throws: ComparisonError.self) { try store.predictions().of("b") }
        #expect(loose?.description.contains("predictions/b.txt:2: 'x' is neither") == true)
        #expect(try store.predictions().of("a") == all["a"], "the others are whole")
        #expect(throws: ComparisonError.self) { try store.packPredictions() }
        #expect(files == ["predictions"], "nothing is packed then")
        #expect(throws: ComparisonError.self) { try store.write(.classes([]), id: "../up") }
    }

    @Test func aPackedFileIsWholeOrRefused() throws {
        try write()
        try store.packPredictions()
        let whole = try Data(contentsOf: store.packedPredictions)
        func problem(_ bytes: Data) throws -> String? {
            try bytes.write(to: store.packedPredictions)
            do {
                try expectAll()
                return nil
            } catch let error as ComparisonError {
                return error.description
            }
        }
        for length in 0..<whole.count {
            let problem = try problem(whole.prefix(length))
            #expect(problem?.contains("predictions.gz: ") == true, "\(length): \(problem ?? "read")")
        }
        // Bytes 4 to 9 of gzip's header say when, how hard and where it was packed.
        for at in whole.indices where !(4...9).contains(at) {
            var damaged = whole
            damaged[at] ^= 0x10
            #expect(try problem(damaged)?.contains("predictions.gz: ") == true, "byte \(at)")
        }
    }

    @Test(arguments: [
        ("a\n", "'a' does not begin"), ("a x\n", "'a x' does not begin"),
        ("a 2\n1\n", "'a 2' does not begin"),
        ("a -1\n", "'a -1' does not begin"), ("../a 1\n1\n", "'../a 1' does not begin"),
        ("a 1\n1\na 1\n1\n", "'a 1' does not begin"), ("a 9223372036854775807\n", "does not begin"),
        ("a 2\n1\nx\n", "predictions.gz, a, line 2: 'x' is neither a class index nor a score"),
        ("a 2\nshares f1\n1\n", "predictions.gz, a, line 2: not two numbers for each of 1 metrics"),
        ("\u{0}\n", "does not begin"),
    ])
    func hostileTexts(text: String, problem: String) throws {
        try FileManager.default.createDirectory(at: store.folder, withIntermediateDirectories: true)
        try Data(Gzip.packed(Array(text.utf8))).write(to: store.packedPredictions)
        let error = #expect(throws: ComparisonError.self) { try store.predictions().of("a") }
        #expect(error?.description.contains(problem) == true, "\(error?.description ?? "")")
    }
}
