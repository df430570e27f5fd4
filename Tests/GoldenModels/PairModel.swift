import Autodiff
import Foundation
import GoldenFiles
import Images
import Matrices
import ModelFiles
import Transformers

/// A tiny model of scripts/goldens/pairs_parity.py, and the texts and images that it was run on.
package struct PairModel {
    package let backbone: any Backbone
    package let pair: PairOutput
    package let head: SequenceHead
    package let texts: [[Int32]]
    package let expected: TensorStore

    package init(_ name: String) throws {
        backbone = try PretrainedModel.open(Golden.url("pairs/\(name)/model")).openBackbone()
        guard let pair = backbone.pair else {
            throw Golden.Missing(description: "a model of one tower in pairs/\(name)")
        }
        self.pair = pair
        head = try SequenceHead(
            backbone: backbone, outputs: 0, form: .pair, dropout: 0,
            stream: RandomStream(seed: 0, purpose: "not used"))
        texts = (try Golden.json("pairs/\(name)/batch.json")["texts"]?.array ?? []).map { ids in
            (ids.array ?? []).compactMap(\.int).map(Int32.init)
        }
        expected = try Golden.tensors("pairs/\(name)/expected.safetensors")
    }

    package func images(_ name: String = "pixels") throws -> [PixelImage] {
        try VisionModel.images(expected, name)
    }

    /// - Parameter name: of the tensor of images.
    package func batch(_ name: String = "pixels") throws -> PackedBatch {
        let images = try images(name)
        return PackedBatch(texts: texts) { images }
    }

    /// logits_per_image [B, B] of rows [B, 2 · D]: image i with text j
    package func logits(_ rows: Matrix) -> [Float] {
        (0..<rows.rows).flatMap { image in
            (0..<rows.rows).map { Float(product(rows, text: $0, image: image)) }
        }
    }

    /// transformers' loss of rows [B, 2 · D], and its gradient of them times `scale`.
    package func loss(_ rows: Matrix, scale: Float = 1) -> (value: Double, gradient: Matrix) {
        let count = rows.rows
        let logits = (0..<count).map { text in (0..<count).map { product(rows, text: text, image: $0) } }
        let (value, slopes) = pair.loss == .softmax ? Self.softmax(logits) : Self.sigmoid(logits)
        let gradient = Matrix(rows: count, columns: rows.columns)
        for text in 0..<count {
            for image in 0..<count {
                let slope = Float(slopes[text][image]) * scale
                for column in 0..<pair.columns {
                    gradient.row(text)[column] += slope * rows.row(image)[pair.columns + column]
                    gradient.row(image)[pair.columns + column] += slope * rows.row(text)[column]
                }
            }
        }
        return (value, gradient)
    }

    private func product(_ rows: Matrix, text: Int, image: Int) -> Double {
        (0..<pair.columns).reduce(0) {
            $0 + Double(rows.row(text)[$1]) * Double(rows.row(image)[pair.columns + $1])
        }
    }

    /// The mean cross-entropy of texts among images, and of images among texts
    private static func softmax(_ logits: [[Double]]) -> (Double, [[Double]]) {
        let count = logits.count
        var (loss, slopes) = (0.0, logits.map { $0.map { _ in 0.0 } })
        let share = 1 / Double(2 * count)
        for index in 0..<count {
            let row = logits[index].reduce(0) { $0 + exp($1) }
            let column = logits.reduce(0) { $0 + exp($1[index]) }
            loss += (log(row) + log(column) - 2 * logits[index][index]) * share
            for other in 0..<count {
                slopes[index][other] += exp(logits[index][other]) / row * share
                slopes[other][index] += exp(logits[other][index]) / column * share
            }
            slopes[index][index] -= 2 * share
        }
        return (loss, slopes)
    }

    /// −Σ log σ(±logit) / B, + where text and image belong together
    private static func sigmoid(_ logits: [[Double]]) -> (Double, [[Double]]) {
        let share = 1 / Double(logits.count)
        var (loss, slopes) = (0.0, logits)
        for (text, row) in logits.enumerated() {
            for (image, logit) in row.enumerated() {
                let sign: Double = text == image ? 1 : -1
                loss += log1p(exp(-sign * logit)) * share
                slopes[text][image] = -sign / (1 + exp(sign * logit)) * share
            }
        }
        return (loss, slopes)
    }
}
