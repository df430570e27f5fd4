import Foundation
import RunRecords
import Testing

@Suite struct ClassResultsTests {
    private final class Scratch {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent(
            "classes-\(UUID().uuidString)")
        var folder: RunFolder { RunFolder(url) }

        init() throws { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }

        deinit { try? FileManager.default.removeItem(at: url) }
    }

    private static func evaluation(_ step: Int, isBest: Bool, right: Int = 3) -> ClassResults.Evaluation {
        .init(
            step: step, isBest: isBest,
            classes: [
                .init(name: "n\"o", support: 4, predicted: right, correct: right),
                .init(name: "yes", support: 2, predicted: 6 - right, correct: 2),
                .init(name: "never", support: 0, predicted: 0, correct: 0),
            ],
            confusion: [.init(truth: 0, answer: 0, count: right)]
                + (right < 4 ? [.init(truth: 0, answer: 1, count: 4 - right)] : [])
                + [.init(truth: 1, answer: 1, count: 2)])
    }

    @Test func whatWasWrittenIsRead() throws {
        let scratch = try Scratch()
        #expect(try ClassResultsFile.read(scratch.folder) == nil)
        let spans = ClassResults.Evaluation(
            step: 9, isBest: false, classes: [.init(name: "PER", support: 5, predicted: 4, correct: 3)],
            confusion: nil)
        for results in [
            ClassResults([]), ClassResults([Self.evaluation(4, isBest: true)]),
            ClassResults([Self.evaluation(4, isBest: true), Self.evaluation(8, isBest: false, right: 2)]),
            ClassResults([spans]),
        ] {
            try ClassResultsFile.write(results, to: scratch.folder)
            #expect(try ClassResultsFile.read(scratch.folder) == results)
        }
    }

    @Test func scoresByHand() {
        let counts = Self.evaluation(1, isBest: true).classes
        #expect(counts[0].precision == 1 && counts[0].recall == 0.75 && counts[0].f1 == 6.0 / 7)
        #expect(counts[1].precision == 2.0 / 3 && counts[1].recall == 1 && counts[1].f1 == 0.8)
        #expect(counts[2].precision == nil && counts[2].recall == nil && counts[2].f1 == nil)
    }

    @Test func theBestAndTheLastAreKept() {
        var results = ClassResults([]).adding(Self.evaluation(2, isBest: false))
        #expect(results.evaluations.map(\.step) == [2] && results.best == nil && results.shown?.step == 2)
        results = results.adding(Self.evaluation(4, isBest: true))
        #expect(results.evaluations.map(\.step) == [4])
        results = results.adding(Self.evaluation(6, isBest: false)).adding(Self.evaluation(8, isBest: false))
        #expect(results.evaluations.map(\.step) == [4, 8] && results.shown?.step == 4)
        #expect(results.resumed(after: 6, best: 4).evaluations.map(\.step) == [4])
        #expect(results.resumed(after: 8, best: 4) == results)
        // The best of a checkpoint before it, which a later one has replaced here, comes again on the way.
        #expect(results.resumed(after: 6, best: 2).evaluations.isEmpty)
        #expect(results.resumed(after: 3, best: nil).evaluations.isEmpty)
        #expect(results.adding(Self.evaluation(10, isBest: true)).evaluations.map(\.step) == [10])
    }

    private static let sound =
        #"{"format":1,"evaluations":[{"step":4,"isBest":true,"classes":[CLASSES],"confusion":CELLS}]}"#
    private static let classes =
        #"{"name":"a","support":2,"predicted":1,"correct":1},{"name":"b","support":1,"predicted":2,"correct":1}"#
    private static let cells = "[[0,0,1],[0,1,1],[1,1,1]]"

    @Test(arguments: [
        ("{", "not JSON at byte 1"), ("[]", "key 'format' is not 1"),
        (#"{"format":2,"evaluations":[]}"#, "key 'format' is not 1: another version of adalora wrote it"),
        (#"{"format":1}"#, "key 'evaluations' should be an array of at most two objects"),
        (#"{"format":1,"evaluations":[{"step":-1}]}"#, "key 'step' should be a step"),
        (#"{"format":1,"evaluations":[{"step":1}]}"#, "key 'isBest' should be true or false"),
        (
            #"{"format":1,"evaluations":[{"step":1,"isBest":true,"classes":[]}]}"#,
            "key 'classes' should be an array"
        ),
    ])
    func damaged(text: String, problem: String) throws { try refuses(text, problem) }

    @Test func countsThatContradictEachOther() throws {
        func text(_ classes: String = Self.classes, _ cells: String = Self.cells) -> String {
            Self.sound.replacing("CLASSES", with: classes).replacing("CELLS", with: cells)
        }
        let scratch = try Scratch()
        try Data(text().utf8).write(to: scratch.folder.classes)
        #expect(try ClassResultsFile.read(scratch.folder)?.shown?.confusion?.count == 3)
        let change = { (old: String, new: String) in Self.classes.replacing(old, with: new) }
        try refuses(
            text(change(#""correct":1},{"#, #""correct":2},{"#)), "class 'a' is right more often than")
        try refuses(
            text(change(#""support":2"#, #""support":-2"#)), "key 'support' of a class should be a count")
        try refuses(text(change(#""name":"a","#, "")), "key 'name' of a class should be a string")
        try refuses(text(change(#""support":2"#, #""support":3"#)), "key 'confusion' does not add up")
        for cells in ["[[0,0]]", "[[0,0,0]]", "[[0,2,1]]", "[[-1,0,1]]", "[0]", #"[[0,0,"1"]]"#] {
            try refuses(text(Self.classes, cells), "key 'confusion' should hold two positions")
        }
        try refuses(
            text(Self.classes, "[[0,1,1],[0,0,1],[1,1,1]]"), "by truth, then by answer, each cell once")
        try refuses(text(Self.classes, "[[0,0,1],[0,0,1]]"), "by truth, then by answer, each cell once")
        try refuses(text(Self.classes, "7"), "key 'confusion' should be an array or null")
        let one = text().dropFirst(#"{"format":1,"evaluations":["#.count).dropLast(2)
        try refuses(
            #"{"format":1,"evaluations":[\#(one),\#(one)]}"#, "of two evaluations the first should be")
    }

    private func refuses(_ text: String, _ problem: String) throws {
        let scratch = try Scratch()
        try Data(text.utf8).write(to: scratch.folder.classes)
        let error = #expect(throws: RecordError.self) { try ClassResultsFile.read(scratch.folder) }
        #expect(error?.problem.contains(problem) ?? false, "\(error?.problem ?? "read")")
        #expect(error?.place == scratch.folder.classes.path && error?.kind == .invalid)
    }
}
