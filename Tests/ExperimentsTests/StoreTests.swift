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

    @Test(arguments: [
        ("{", "not a JSON object"), ("", "not a JSON object"), ("[1]", "not a JSON object"),
        ("{\"id\":3}", "'id' has the wrong kind of value"), ("{\"id\":\"a\"}", "'stage' is missing"),
        ("{\"id\":\"a\",\"extra\":1}", "'extra' is not a field of a result"),
        ("{\"id\":\"a\",\"stage\":\"other\"}", "'stage' has a value that is not known"),
    ])
    func refusesOtherLines(_ line: String, _ reason: String) throws {
        try store.append(try results()[0])
        var text = try String(contentsOf: store.resultsFile, encoding: .utf8)
        text = line + "\n" + text
        try text.write(to: store.resultsFile, atomically: true, encoding: .utf8)
        let error = #expect(throws: ComparisonError.self) { try store.load() }
        #expect(
            error?.description.contains("results.jsonl:1: \(reason)") == true, "\(String(describing: error))")
    }
}
