import Runs
import Testing

@Suite struct RowLengthsTests {
    @Test func percentilesByNearestRank() {
        let lengths = RowLengths([5, 1, 3, 2, 4], maxLength: 3)
        #expect(lengths.shortest == 1 && lengths.median == 3 && lengths.longest == 5 && lengths.tooLong == 2)
        #expect(lengths.percentile95 == 5)
        let hundred = RowLengths(Array((1...100).reversed()), maxLength: 200)
        #expect(hundred.median == 50 && hundred.percentile95 == 95 && hundred.tooLong == 0)
        let one = RowLengths([7], maxLength: 7)
        #expect(one.shortest == 7 && one.median == 7 && one.percentile95 == 7 && one.tooLong == 0)
    }
}
