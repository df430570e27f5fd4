import Foundation
import RunFolders
import RunRecords
import Testing

struct TripletHistoryTests {
    private typealias Fixture = RunFolderFixture

    /// Two sites, three snapshots: all λ 0, one triplet masked, one site compacted away.
    private func small(resumedAfter: Int? = nil) -> RunFolderFixture {
        let fixture = Fixture(layers: 1, roles: ["query", "output"])
        fixture.addStart(totalSteps: 20, warmupSteps: 4, finalSteps: 8, initialBudget: 4, finalBudget: 2)
        if let resumedAfter { fixture.addStart(totalSteps: 20, completedSteps: resumedAfter) }
        fixture.addRanks(0, [2, 2])
        fixture.addTriplets(
            0, [Fixture.site("11", "0,0", importance: "0,null", energy: "null"), Fixture.site("11", "0,0")])
        fixture.addTriplets(
            8, [Fixture.site("01", "4", importance: "1e-9,2e-7"), Fixture.site("11", "4,3", energy: "1.25")])
        fixture.addTriplets(
            20, [Fixture.site("", "", error: "null", energy: "0"), Fixture.site("11", "4,3")])
        return fixture
    }

    @Test func readsEverySnapshot() throws {
        let history = try small().tripletHistory()
        #expect(history.snapshots.map(\.step) == [0, 8, 20])
        #expect(history.snapshots.map(\.ranks) == [[2, 2], [1, 2], [0, 2]])
        let first = history.snapshots[0].sites[0]
        #expect(first.kept == [true, true] && first.spectrum.values == [0, 0])
        #expect(first.importance == [0, nil] && first.keptEnergy == nil && first.orthogonalityError == 0.001)
        let masked = history.snapshots[1].sites[0]
        #expect(masked.kept == [false, true] && masked.importance == [1e-9, 2e-7] && masked.rank == 1)
        #expect(history.snapshots[1].sites[1].keptEnergy == 1.25)
        #expect(history.snapshots[1].sites[1].importance.isEmpty)
        let gone = history.snapshots[2].sites[0]
        #expect(gone.rank == 0 && gone.kept.isEmpty && gone.orthogonalityError == nil && gone.keptEnergy == 0)
        #expect(history.snapshots[1].joined.values == [4, 4, 3])
        #expect(history.notes.isEmpty)
    }

    /// A run that diverged still has a report.
    @Test func nullValuesAreNotNumbers() throws {
        let fixture = small()
        fixture.triplets[1] = fixture.triplets[1].replacing("[4,3]", with: "[null,3]")
        let spectrum = try fixture.tripletHistory().snapshots[1].sites[1].spectrum
        #expect(spectrum.values[0].isNaN && !spectrum.isFinite && spectrum.largest == nil)
    }

    @Test func tornLastLineIsIgnoredAndCounted() throws {
        let history = try small().tripletHistory(tail: #"{"step":24,"sites":[{"kept":"1"#)
        #expect(history.snapshots.map(\.step) == [0, 8, 20])
        #expect(history.notes == ["triplets.jsonl: the last line (4) is torn and was ignored"])
    }

    /// A whole last record that only lacks its line end counts.
    @Test func lastLineWithoutItsEnd() throws {
        let fixture = small()
        let last = fixture.triplets.removeLast()
        let history = try fixture.tripletHistory(tail: last)
        #expect(history.snapshots.count == 3 && history.notes.isEmpty)
    }

    @Test func resumedRunReplacesItsLaterRecords() throws {
        let fixture = small(resumedAfter: 6)
        fixture.addTriplets(8, [Fixture.site("10", "9"), Fixture.site("00", "", error: "null")])
        let history = try fixture.tripletHistory()
        #expect(history.snapshots.map(\.step) == [0, 8])
        #expect(history.snapshots[1].sites[0].spectrum.values == [9])
        #expect(
            history.notes == [
                "triplets.jsonl: 2 snapshots recorded again after a resume; the later ones count"
            ])
    }

    @Test func missingFile() throws {
        let fixture = small()
        fixture.triplets = []
        let error = try #require(throws: RecordError.self) { try fixture.tripletHistory() }
        #expect(error.kind == .missing)
        #expect(
            error.description
                == "\(fixture.url.path)/triplets.jsonl: no such file: the run was made by an older version, "
                + "which recorded no singular values; train again, or see its ranks with 'adalora ranks'")
    }

    @Test func nothingRecordedYet() throws {
        let fixture = small()
        fixture.triplets = []
        let error = try #require(throws: RecordError.self) { try fixture.tripletHistory(tail: "{") }
        #expect(error.kind == .missing)
        #expect(
            error.description.hasSuffix(
                "no singular values are recorded yet; wait for the run's first allocation or its end"))
    }

    @Test func methodWithoutAdapters() throws {
        let fixture = Fixture(layers: 0)
        fixture.addStart(method: "head")
        let error = try #require(throws: RecordError.self) { try fixture.tripletHistory() }
        #expect(error.kind == .notRecorded)
        #expect(
            error.description.hasSuffix(
                "the method 'head' has no adapters of a rank, so there are no singular values; "
                    + "give the folder of a run with adapters, such as adalora"))
    }

    /// A replaced piece of the second line, and what is said of it.
    @Test(arguments: [
        (#"{"step":8,"#, "[", "not JSON"),
        (#"{"step":8,"sites""#, #"{"step":8,"places""#, "key 'sites' is missing"),
        (#""step":8"#, #""step":"8""#, "key 'step' should be an integer of at least 0"),
        (#""step":8"#, #""step":0"#, "step 0 follows step 0"),
        (#""sites":[{"#, #""sites":[{},{"#, "key 'sites', entry 1: key 'kept' is missing"),
        (#"{"kept":"01""#, #"7,{"kept":"01""#, "key 'sites', entry 1: this should be an object"),
        (#""kept":"11""#, #""kept":"1x""#, "entry 2: key 'kept' should be a string of at most 65536"),
        (#""kept":"11""#, #""kept":11"#, "entry 2: key 'kept' should be a string of at most 65536"),
        (#""kept":"11""#, #""kept":"10""#, "entry 2: key 'values' has 2 values, 1 triplets are kept"),
        (#""values":[4,3]"#, #""values":[3,4]"#, "entry 2: key 'values' should descend"),
        (#""values":[4,3]"#, #""values":[4,-3]"#, "entry 2: key 'values' has a value below 0"),
        (#""values":[4,3]"#, #""values":[4,"3"]"#, "entry 2: key 'values' should be an array of numbers"),
        (#""values":[4,3]"#, #""values":[4,1e999]"#, "not JSON"),
        (#""values":[4,3]"#, #""values":null"#, "entry 2: key 'values' should be an array of numbers"),
        (
            #""importance":[1e-9,2e-7]"#, #""importance":[1]"#,
            "key 'importance' has 1 values, there are 2 tri"
        ),
        (#""error":0.001,"energy":1.25"#, #""error":-1,"energy":1.25"#, "key 'error' should be a number of"),
        (#""energy":1.25"#, #""energy":"x""#, "key 'energy' should be a number of at least 0, or null"),
        (#""energy":1.25"#, #""power":1"#, "entry 2: key 'energy' is missing"),
    ])
    func badLines(old: String, new: String, expected: String) throws {
        let fixture = small()
        #expect(fixture.triplets[1].contains(old))
        fixture.triplets[1] = fixture.triplets[1].replacing(old, with: new)
        let error = try #require(throws: RecordError.self) { try fixture.tripletHistory() }
        #expect(error.kind == .invalid)
        #expect(error.description.contains("/triplets.jsonl:2: "))
        #expect(error.description.contains(expected))
        #expect(
            error.description.hasSuffix(
                "; only the last line may be torn: restore the file from where it was copied"))
    }

    @Test func wrongCountOfSites() throws {
        let fixture = small()
        fixture.addTriplets(21, [Fixture.site("1", "1")])
        let error = try #require(throws: RecordError.self) { try fixture.tripletHistory() }
        #expect(
            error.description.contains("/triplets.jsonl:4: key 'sites' has 1 values, the run has 2 sites; "))
    }

    @Test func snapshotAtAStep() throws {
        let fixture = small()
        fixture.triplets.removeFirst()
        let history = try fixture.tripletHistory()
        #expect(try [nil, 8, 19, 20].map { try history.snapshot(at: $0).step } == [20, 8, 8, 20])
        for step in [7, 21, -1] {
            let error = try #require(throws: RecordError.self) { try history.snapshot(at: step) }
            #expect(error.kind == .notRecorded)
            #expect(
                error.description.hasSuffix(
                    ": step \(step) has no singular values, they are recorded from step 8 to 20; "
                        + "the nearest recorded steps are 8 and 20"))
        }
    }

    @Test(arguments: [
        ("layer.1.qurey", "did you mean layer.1.query, layer.0.query"),
        ("layer.0", "its 12 sites: layer.0.query, layer.0.key, layer.0.value, ..., layer.1.intermediate, "),
        ("", "its 12 sites: layer.0.query, "), ("\u{1B}[2Jx", "its 12 sites: layer.0.query, "),
    ])
    func unknownSite(name: String, advice: String) throws {
        let fixture = Fixture.small()
        fixture.addTriplets(0, [String](repeating: Fixture.site("111", "3,2,1"), count: 12))
        let history = try fixture.tripletHistory()
        #expect(try history.position(of: "layer.1.key") == 7)
        let error = try #require(throws: RecordError.self) { try history.position(of: name) }
        #expect(error.kind == .notRecorded)
        #expect(
            error.description.contains(": the run has no site '\(name.filter { $0 != "\u{1B}" })'; \(advice)")
        )
    }
}
