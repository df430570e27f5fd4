import Matrices

/// Where the right text of each image stands among all texts, and the right image of each text among all images.
///
/// Equal texts are one, and so are equal images: whoever finds one of an image's texts, or one of a text's images, is right. What has
/// the same score as the right one stands before it, so that a model which tells nothing apart finds nothing.
package struct Retrieval {
    /// Of each row's text and image
    package let logits: [Float]
    /// By row, from 1: of the best text of its image
    package let textRanks: [Int]
    /// By row, from 1: of the best image of its text
    package let imageRanks: [Int]
    /// Whether all images get one text, where there are several of both.
    package let hasOneAnswer: Bool

    private static let depths = [1, 5, 10]
    package static let metrics =
        depths.map(Metric.recall) + depths.map(Metric.textRecall) + depths.map(Metric.imageRecall)

    /// - Parameters:
    ///   - rows: of each the text's and the image's, side by side.
    ///   - texts, images: by row, which they are.
    package init(_ rows: [[Float]], texts: [Int32], images: [Int32]) {
        let all = Matrix(rowValues: rows)
        let (ofTexts, ofImages) = (all.columnHalf(0), all.columnHalf(1))
        logits = (0..<all.rows).map { row in
            var sum: Float = 0
            for column in 0..<ofTexts.columns { sum += ofTexts.row(row)[column] * ofImages.row(row)[column] }
            return sum
        }
        let toTexts = Self.found(images, ofImages, among: texts, ofTexts)
        let toImages = Self.found(texts, ofTexts, among: images, ofImages)
        (textRanks, imageRanks) = (toTexts.ranks, toImages.ranks)
        hasOneAnswer =
            Set(texts).count > 1 && Set(images).count > 1 && Set(toTexts.best).count == 1
    }

    /// By metric of each row whether it was found, as a part of 1.
    package var shares: [Metric: [(part: Double, whole: Double)]] {
        var shares: [Metric: [(part: Double, whole: Double)]] = [:]
        for depth in Self.depths {
            let ofTexts = textRanks.map { $0 <= depth ? 1.0 : 0 }
            let ofImages = imageRanks.map { $0 <= depth ? 1.0 : 0 }
            shares[.textRecall(depth)] = ofTexts.map { ($0, 1) }
            shares[.imageRecall(depth)] = ofImages.map { ($0, 1) }
            shares[.recall(depth)] = zip(ofTexts, ofImages).map { (($0 + $1) / 2, 1) }
        }
        return shares
    }

    /// - Parameters:
    ///   - asked: by row what asks, `others` what may answer.
    /// - Returns: by row the rank of the best right answer, and for each that asks the first of the best answers.
    private static func found(
        _ asked: [Int32], _ askedRows: Matrix, among others: [Int32], _ otherRows: Matrix
    ) -> (ranks: [Int], best: [Int]) {
        let (askers, answers) = (Distinct(asked), Distinct(others))
        var right = [Set<Int>](repeating: [], count: askers.firsts.count)
        for (asker, answer) in zip(askers.places, answers.places) { right[asker].insert(answer) }
        let candidates = answers.rows(of: otherRows)
        var (ranks, best): ([Int], [Int]) = ([], [])
        let block = 64
        for start in stride(from: 0, to: askers.firsts.count, by: block) {
            let some = start..<min(start + block, askers.firsts.count)
            let scores = Matrix(rows: some.count, columns: candidates.rows)
            Product.multiplyTransposed(askers.rows(of: askedRows, some), candidates, into: scores)
            for (row, asker) in some.enumerated() {
                let values = UnsafeBufferPointer(start: scores.row(row), count: scores.columns)
                let own = right[asker].reduce(-Float.infinity) { max($0, values[$1]) }
                let before = values.indices.count { !(values[$0] < own) && !right[asker].contains($0) }
                ranks.append(before + 1)
                best.append(Int(scores.largestColumn(row)))
            }
        }
        return (askers.places.map { ranks[$0] }, best)
    }
}

/// What of several rows is the same.
private struct Distinct {
    /// The row that has each first
    private(set) var firsts: [Int] = []
    /// By row which of these it is
    private(set) var places: [Int] = []

    init(_ names: [Int32]) {
        var known: [Int32: Int] = [:]
        for (row, name) in names.enumerated() {
            if known[name] == nil {
                known[name] = firsts.count
                firsts.append(row)
            }
            places.append(known[name] ?? 0)
        }
    }

    func rows(of matrix: Matrix, _ range: Range<Int>? = nil) -> Matrix {
        let some = range.map { firsts[$0] } ?? firsts[...]
        let found = Matrix(rows: some.count, columns: matrix.columns)
        for (place, row) in some.enumerated() {
            found.row(place).update(from: matrix.row(row), count: matrix.columns)
        }
        return found
    }
}

extension Metric {
    /// Mean of the two below.
    package static func recall(_ depth: Int) -> Metric { Metric("recall@\(depth)") }
    /// Share of images of which a right text is among the first so many.
    package static func textRecall(_ depth: Int) -> Metric { Metric("text-recall@\(depth)") }
    /// Share of texts of which a right image is among the first so many.
    package static func imageRecall(_ depth: Int) -> Metric { Metric("image-recall@\(depth)") }
}
