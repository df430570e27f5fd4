import Experiments
import Foundation
import Testing

@Suite struct StoreTests {
    let store = ResultStore(folder: Samples.temporaryFolder())

    func results() throws -> [TrialResult] {
        let schedule = try TrialSchedule(
            plan: try Samples.plan(), fingerprints: [:], parametersPerRank: 41_472)
        var results = Samples.run(schedule, limit: 20)
        results[1].status = .failed("diverged at step 12: \"NaN\"\nsecond line")
        results[2].secondsPerStep = nil
        results[3].otherCores = 1.25
        results[2].budget = .parameters(83_000)
        results[2].seed = .max
        return results
    }

    @Test func roundTrips() throws {
        let results = try results()
        for result in results { try store.append(result) }
        let loaded = try store.load()
        #expect(loaded.results == results)
        #expect(loaded.notes.isEmpty)
        let text = try String(contentsOf: store.resultsFile, encoding: .utf8)
        #expect(text.split(separator: "\n").count == results.count)
    }

    @Test func absentFileIsEmpty() throws { #expect(try store.load().results.isEmpty) }

    @Test func numbersThatAreNotFiniteAreUndefined() throws {
        var result = try results()[0]
        result.testMetrics = ["loss": .nan, "accuracy": .infinity]
        result.tokensPerSecond = .nan
        try store.append(result)
        let loaded = try store.load().results[0]
        #expect(loaded.testMetrics == ["loss": nil, "accuracy": nil])
        #expect(loaded.tokensPerSecond == nil)
    }

    /// A kill can leave any number of bytes of the last line.
    @Test func tornLastLine() throws {
        let results = Array(try results().prefix(2))
        for result in results { try store.append(result) }
        let whole = try Data(contentsOf: store.resultsFile)
        let second = try #require(whole.firstIndex(of: 10)) + 1
        for length in stride(from: second, through: whole.count, by: 7) + [whole.count - 2, whole.count - 1] {
            try whole.prefix(length).write(to: store.resultsFile)
            let loaded = try store.load()
            let isWhole = length >= whole.count - 1
            #expect(loaded.results == (isWhole ? results : [results[0]]), "\(length)")
            #expect(loaded.notes.count == (isWhole || length == second ? 0 : 1))
            try store.append(results[1])
            #expect(try store.load().results == (isWhole ? results + [results[1]] : results))
        }
    }

    private static let start = #"{"status":"ok","id":"a","stage":"report","arm":"b""#
    private static let rest = start + #","learning-rate":1,"seed":1,"validation":{}"#

    @Test(arguments: [
        ("{", "not JSON at byte 1: "), ("", "not JSON at byte 0: the text is empty"),
        ("[1]", "not a JSON object"), (#"{"id":"a","id":"a"}"#, "not JSON at byte 10: duplicate key 'id'"),
        (#"{"id":3}"#, "'status' is missing"), (#"{"status":"ok","id":3}"#, "'id' should be a string"),
        (#"{"status":"ok","id":"a"}"#, "'stage' is missing"),
        (#"{"status":"other"}"#, "status 'other' is neither ok nor failed"),
        (#"{"status":"failed"}"#, "'reason' is missing"),
        (#"{"id":"a","extra":1}"#, "'extra' is not a field of a result"),
        (#"{"status":"ok","id":"a","stage":"other"}"#, "'stage' should be search or report"),
        (StoreTests.start + #","budget":{"rank":2}"#, "'budget' should be an object with "),
        (StoreTests.start + #","learning-rate":"1""#, "'learning-rate' should be a number"),
        (StoreTests.start + #","learning-rate":1,"seed":-1"#, "'seed' should be a whole number from 0 to "),
        (
            StoreTests.start + #","learning-rate":1,"seed":18446744073709551616"#,
            "'seed' should be a whole number"
        ),
        (
            StoreTests.start + #","learning-rate":1,"seed":1,"validation":{"loss":"x"}"#,
            "'validation' should be an object"
        ),
        (
            StoreTests.rest + #","test":{},"ranks":{"a":1.5}"#,
            "'ranks' should be an object of whole numbers; 'a' has"
        ),
        (
            StoreTests.rest + #","test":{},"ranks":{},"warnings":[1]"#,
            "'warnings' should be an array of strings"
        ),
        (StoreTests.rest + #","test":{},"ranks":{},"steps":1e300"#, "'steps' should be a whole number"),
    ])
    func refusesOtherLines(_ line: String, _ reason: String) throws {
        // Some of the lines end before their brace.
        let line = line.hasPrefix(Self.start) ? line + "}" : line
        try store.append(try results()[0])
        var text = try String(contentsOf: store.resultsFile, encoding: .utf8)
        text = line + "\n" + text
        try text.write(to: store.resultsFile, atomically: true, encoding: .utf8)
        let error = #expect(throws: ComparisonError.self) { try store.load() }
        #expect(
            error?.description.contains("results.jsonl:1: \(reason)") == true, "\(String(describing: error))")
    }
}
