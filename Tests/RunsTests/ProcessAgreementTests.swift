import Adapters
import Foundation
import Matrices
import ModelFiles
import Runs
import Testing
import Training

@Suite struct ProcessAgreementTests {
    /// Two processes, of which the second says what the first says but for one value.
    private struct Pair: GradientExchange {
        let rank = 0
        let processes = 2
        let changed: (name: String, value: String)?

        func gather(_ own: Data) throws -> [Data] {
            var other = try #require(try JSONValue.parse(own).object)
            if let changed { other[changed.name] = .string(changed.value) }
            return [own, Data(JSONValue.object(other).bytes())]
        }
        func trade(_ sent: Matrix, counts: [Int], into received: Matrix, counts _: [Int]) {}
        func share(_ values: Matrix, counts: [Int]) {}
    }

    private static let facts = [(name: "the rows", value: "1"), (name: "the adapter", value: "2")]

    @Test func whoDiffersIsNamed() throws {
        try ProcessAgreement.check(Self.facts, Pair(changed: nil))
        let error = #expect(throws: ExchangeError.self) {
            try ProcessAgreement.check(Self.facts, Pair(changed: ("the adapter", "3")))
        }
        #expect(error?.kind == .differs)
        #expect(error?.description.hasPrefix("process 1 on ") == true)
        #expect(error?.description.contains("has not the adapter of process 0") == true)
    }

    @Test func eachPartOfAStateCounts() {
        func digest(
            _ values: [Float] = [1, 2], _ first: [Float] = [3], _ second: [Float] = [4],
            importance: [Float] = [5],
            mask: [Bool] = [true, false]
        ) -> String {
            ProcessAgreement.digest(
                TrainerState(
                    method: MethodState(
                        books: [], masks: [mask], isCompacted: false,
                        tensors: [(name: "importance", values: SavedFloats([importance]))]),
                    values: SavedFloats([values]), firstMoments: SavedFloats([first]),
                    secondMoments: SavedFloats([second])))
        }
        #expect(digest() == digest())
        let others = [
            digest([1, 2.5]), digest([1, 2], [0]), digest([1, 2], [3], [0]), digest(importance: [0]),
            digest(mask: [true, true]),
        ]
        #expect(Set(others + [digest()]).count == 6)
    }
}
