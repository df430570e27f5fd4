import Advice
import Testing

/// Facts of made-up runs.
enum MadeUpFacts {
    static func of(
        _ model: AdviceFacts.ModelKind = .encoder,
        _ question: AdviceFacts.Question = .classes([2_500, 2_500]),
        rows: Int = 5_000, heldOut: Int = 500, format: String? = nil, largestRank: Int = 384
    ) -> AdviceFacts {
        AdviceFacts(
            model: model, modelName: "model", weights: 22_000_000, format: format, task: "classification",
            question: question, rows: rows, heldOutRows: heldOut, tokens: 20 * rows, matrices: 36,
            parametersPerRank: 41_472, largestRank: largestRank)
    }
}

/// Every rule of the table, where it applies and where it does not.
@Suite struct AdviceRuleTests {
    private func word(_ rule: String, _ facts: AdviceFacts) throws -> AdviceRule.Word? {
        let found = try #require(AdviceRules.all.first { $0.name == rule }, "\(rule)")
        return found.saying(facts)?.word
    }

    @Test(arguments: [(999, 8), (1_000, 16), (9_999, 16), (10_000, 32), (99_999, 32), (100_000, 64)])
    func rowCountsAreToldAndNotFollowed(rows: Int, rank: Int) throws {
        let facts = MadeUpFacts.of(rows: rows)
        #expect(try word("row-count", facts) == .others(Double(rank)))
        let answer = RuleAnswer(facts)
        #expect(answer.rankByRows == Double(rank) && answer.rank <= 4)
    }

    @Test func kindsOfModelsAndQuestions() throws {
        let classes = AdviceFacts.Question.classes([10, 10])
        let scores = AdviceFacts.Question.scores(lowest: 0, highest: 5)
        for question in [classes, scores] {
            #expect(try word("encoder-classes", MadeUpFacts.of(.encoder, question)) == .usual(rank: 4, 1...8))
            #expect(
                try word("decoder-classes", MadeUpFacts.of(.decoder, question)) == .usual(rank: 8, 2...16))
            #expect(try word("encoder-classes", MadeUpFacts.of(.decoder, question)) == nil)
            #expect(try word("encoder-words", MadeUpFacts.of(.encoder, question)) == nil)
        }
        for question in [AdviceFacts.Question.wordClasses([90, 10]), .places] {
            #expect(try word("encoder-words", MadeUpFacts.of(.encoder, question)) == .usual(rank: 6, 2...16))
            #expect(try word("encoder-classes", MadeUpFacts.of(.encoder, question)) == nil)
        }
        let words = MadeUpFacts.of(.decoder, .words(learned: 50_000))
        #expect(try word("language-model", words) == .usual(rank: 16, 8...64))
        #expect(try word("decoder-classes", words) == nil)
        #expect(try word("language-model", MadeUpFacts.of(.decoder, classes)) == nil)
        #expect(RuleAnswer(words).rank == 16 && RuleAnswer(words).range == 8...64)
    }

    @Test func fewRowsLimitTheRankAndAskForDropout() throws {
        let few = MadeUpFacts.of(rows: 300)
        #expect(try word("small-data", few) == .atMost(4))
        #expect(try word("small-data-dropout", few) == .dropout(0.1))
        #expect(try word("small-data", MadeUpFacts.of(rows: 1_000)) == nil)
        #expect(try word("small-data-dropout", MadeUpFacts.of(rows: 1_000)) == nil)
        #expect(RuleAnswer(few).dropout == 0.1 && RuleAnswer(MadeUpFacts.of()).dropout == nil)
        let words = RuleAnswer(MadeUpFacts.of(.decoder, .words(learned: 9_000), rows: 300))
        #expect(words.rank == 8 && words.range.upperBound == 8)
    }

    /// 10 million labels of 1 bit at 82,944 bits a rank.
    @Test func capacityIsAFloor() throws {
        let many = MadeUpFacts.of(.encoder, .classes([500_000, 500_000]), rows: 1_000_000)
        let floor = 1_000_000.0 / (2 * 41_472)
        #expect(try word("capacity", many) == .atLeast(floor))
        #expect(RuleAnswer(many).rank == floor)
        #expect(try word("capacity", MadeUpFacts.of(.encoder, .scores(lowest: 0, highest: 1))) == nil)
        let little = try #require(AdviceRules.all.first { $0.name == "capacity" }?.saying(MadeUpFacts.of()))
        #expect(little.sentence.contains("rank is not the limit"), "\(little.sentence)")
    }

    @Test func muchTextAndFewBits() throws {
        let much = MadeUpFacts.of(.decoder, .words(learned: 12_000_000), rows: 200_000)
        #expect(try word("much-text", much) == .atLeast(32))
        #expect(RuleAnswer(much).rank == 32)
        #expect(try word("much-text", MadeUpFacts.of(.decoder, .words(learned: 9_999_999))) == nil)
        #expect(try word("quantised-base", MadeUpFacts.of(format: "Q4_1")) == .note)
        #expect(try word("quantised-base", MadeUpFacts.of()) == nil)
        #expect(try word("all-matrices", MadeUpFacts.of()) == .note)
    }

    /// What the matrices can hold stands above every rule.
    @Test func matricesAreTheLimit() {
        let small = RuleAnswer(MadeUpFacts.of(.decoder, .words(learned: 12_000_000), largestRank: 6))
        #expect(small.rank == 6 && small.range == 6...6 && small.rankByRows == 6)
    }

    @Test func namesAndSourcesAreThere() {
        #expect(Set(AdviceRules.all.map(\.name)).count == AdviceRules.all.count)
        for rule in AdviceRules.all {
            #expect(!rule.source.isEmpty && !rule.condition.isEmpty, "\(rule.name)")
        }
    }

    @Test func dataThatCannotTell() {
        func kinds(_ facts: AdviceFacts) -> [DataDoubt.Kind] { DataDoubt.all(facts).map(\.kind) }
        #expect(kinds(MadeUpFacts.of()) == [])
        #expect(kinds(MadeUpFacts.of(rows: 49)) == [.tiny])
        #expect(kinds(MadeUpFacts.of(rows: 50, heldOut: 15)) == [.unmeasurable])
        #expect(kinds(MadeUpFacts.of(.encoder, .classes([5_000, 0]))) == [.degenerate])
        #expect(kinds(MadeUpFacts.of(.encoder, .classes([5_000]), rows: 20)) == [.degenerate, .tiny])
        #expect(kinds(MadeUpFacts.of(.encoder, .scores(lowest: 2, highest: 2))) == [.degenerate])
        #expect(kinds(MadeUpFacts.of(.encoder, .scores(lowest: 2, highest: 3))) == [])
        #expect(kinds(MadeUpFacts.of(.encoder, .classes([4_800, 200]))) == [.unbalanced])
        #expect(kinds(MadeUpFacts.of(.encoder, .classes([4_700, 300]))) == [])
        #expect(kinds(MadeUpFacts.of(.encoder, .classes([60, 9]), rows: 69)) == [.unbalanced])
        #expect(kinds(MadeUpFacts.of(.decoder, .words(learned: 0))) == [.degenerate])
    }

    /// An answer without a measurement says so, and is the lowest that the rules allow.
    @Test func doubtsLeaveTheRules() {
        let facts = MadeUpFacts.of(rows: 30)
        let answer = AdviceAnswer(facts, RuleAnswer(facts), doubts: DataDoubt.all(facts))
        #expect(answer.rank == 1 && answer.budget == 36 && answer.fixedRankDoes && answer.votes.isEmpty)
        #expect(answer.headline(facts).contains("cannot tell"))
        #expect(answer.reasons.first?.contains("30 training rows are too few") ?? false)
        let plain = AdviceAnswer(MadeUpFacts.of(), RuleAnswer(MadeUpFacts.of()))
        #expect(plain.basis == .rules && plain.rank == 4 && plain.budget == 144 && plain.initialRank == 8)
    }
}
