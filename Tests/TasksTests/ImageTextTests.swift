import Autodiff
import Matrices
import Tasks
import Testing
import Transformers

/// What image–text matching learns by, and what it is judged by.
@Suite struct ImageTextTests {
    /// Logits whose losses and gradients PyTorch gives in Float64: `cross_entropy` of rows and columns, `logsigmoid`.
    private static func logits() -> Matrix {
        Matrix(rows: 3, columns: 3, values: [2, 0, -1, 1, 3, 0.5, 0, 2, 1.5])
    }

    private static func expect(_ gradient: Matrix, _ wanted: [Double]) {
        // Float32 of values of about 0.3.
        for (own, other) in zip(gradient.values, wanted) { #expect(abs(Double(own) - other) < 1e-7) }
    }

    @Test func softmaxLossIsThatOfBothDirections() {
        let logits = Self.logits()
        #expect(abs(PairLoss.softmax(logits) - 0.4249490415305239) < 1e-12)
        Self.expect(
            logits,
            [
                -0.08182738495730646, 0.024885704390655697, 0.01643696639575622, 0.05931568222620312,
                -0.07886774463943881, 0.053523589977913025, 0.027954358719825167, 0.13893224221835226,
                -0.16035341433196026,
            ])
    }

    @Test func sigmoidLossCountsEveryPair() {
        let logits = Self.logits()
        #expect(abs(PairLoss.sigmoid(logits) - 2.1635837906596276) < 1e-12)
        Self.expect(
            logits,
            [
                -0.03973430734070585, 0.16666666666666666, 0.08964714045666503, 0.2436861928766683,
                -0.01580862439252226, 0.20748644373395148, 0.16666666666666666, 0.29359902599262744,
                -0.0608085079354521,
            ])
    }

    /// Large logits overflow nothing.
    @Test(arguments: [PairOutput.Loss.softmax, .sigmoid]) func lossesOfLargeLogitsAreFinite(
        form: PairOutput.Loss
    ) {
        let objective = ImageTextObjective(form: form, texts: [0, 1], images: [0, 1])
        let (loss, gradient) = objective.loss(
            Matrix(rows: 2, columns: 4, values: [300, 0, 0, 300, 0, 300, -300, 0]))
        #expect(loss.isFinite && gradient.values.allSatisfy(\.isFinite))
    }

    /// The gradient of the rows is that of the loss, by central differences.
    @Test(arguments: [PairOutput.Loss.softmax, .sigmoid]) func gradientIsThatOfTheLoss(form: PairOutput.Loss)
    {
        let objective = ImageTextObjective(form: form, texts: [0, 1, 2, 3], images: [0, 1, 2, 3])
        let rows = Matrix(rows: 4, columns: 6)
        var stream = RandomStream(seed: 3, purpose: "rows of a test")
        stream.fillNormal(rows, deviation: 1)
        let gradient = objective.loss(rows).gradient
        let step: Float = 1e-2
        for index in 0..<rows.count {
            let value = rows.pointer[index]
            rows.pointer[index] = value + step
            let above = objective.loss(rows).loss
            rows.pointer[index] = value - step
            let below = objective.loss(rows).loss
            rows.pointer[index] = value
            // Float32 logits of about 2 round the difference of two losses by 1e-7 / 2e-2; the third derivative adds h².
            #expect(abs((above - below) / Double(2 * step) - Double(gradient.pointer[index])) < 3e-4)
        }
    }

    /// Four images and texts on a plane; the third text is nearest to the second image.
    @Test func ranksAreThoseOfTheBestRightAnswer() {
        let rows: [[Float]] = [
            [1, 0, 1, 0], [0, 1, 0, 1], [0.1, 0.9, 0.8, 0.7], [-1, 0, -1, 0],
        ]
        let found = Retrieval(rows, texts: [0, 1, 2, 3], images: [0, 1, 2, 3])
        // Scores of image 2 = (.8, .7): texts .8, .7, .71, −.8.
        #expect(found.textRanks == [1, 1, 2, 1])
        // Scores of text 2 = (.1, .9): images .1, .9, .71, −.1.
        #expect(found.imageRanks == [1, 1, 2, 1])
        #expect(zip(found.logits, [1, 1, 0.71, 1]).allSatisfy { abs($0 - $1) < 1e-6 })
        #expect(!found.hasOneAnswer)
    }

    /// An image with two texts is found by either, and a text of two images finds either.
    @Test func equalTextsAndImagesAreOne() {
        let rows: [[Float]] = [[0, 1, 1, 0], [1, 0, 1, 0], [0, 1, 0, 1]]
        // Rows 0 and 1 have one image; rows 0 and 2 one text.
        let found = Retrieval(rows, texts: [0, 1, 0], images: [0, 0, 1])
        #expect(found.textRanks == [1, 1, 1])
        #expect(found.imageRanks == [1, 1, 1])
    }

    /// Who cannot tell anything apart finds nothing: what has the same score stands before the right one.
    @Test func aConstantModelFindsNothing() throws {
        let rows = [[Float]](repeating: [1, 1], count: 20)
        let names = (0..<20).map { Int32($0) }
        let found = Retrieval(rows, texts: names, images: names)
        #expect(found.textRanks.allSatisfy { $0 == 20 } && found.imageRanks.allSatisfy { $0 == 20 })
        #expect(found.hasOneAnswer)
        let shares = try #require(found.shares[.recall(10)])
        #expect(shares.allSatisfy { $0.part == 0 })
        let lost = Retrieval([[.nan, 1], [1, 1]], texts: [0, 1], images: [0, 1])
        #expect(lost.textRanks[0] == 2)
    }

    @Test func sharesAreMeansOfBothDirections() throws {
        let rows: [[Float]] = [
            [1, 0, 1, 0], [0, 1, 0, 1], [0.1, 0.9, 0.9, 0.7], [-1, 0, -1, 0],
        ]
        let found = Retrieval(rows, texts: [0, 1, 2, 3], images: [0, 1, 2, 3])
        let both = try #require(found.shares[.recall(1)])
        let (ofTexts, ofImages) = (
            try #require(found.shares[.textRecall(1)]), try #require(found.shares[.imageRecall(1)])
        )
        for row in 0..<4 { #expect(both[row].part == (ofTexts[row].part + ofImages[row].part) / 2) }
        #expect(found.shares[.recall(5)]?.allSatisfy { $0.part == 1 && $0.whole == 1 } == true)
    }
}
