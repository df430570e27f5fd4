import GoldenFiles
import Images
import Matrices
import ModelFiles
import Transformers

/// A tiny model of scripts/goldens/vision_parity.py with its classifier, and the images that it was run on.
package struct VisionModel {
    package let backbone: any Backbone
    package let head: SequenceHead
    package let labels: [Int32]
    package let expected: TensorStore

    /// - Parameter model: the folder of the weights, in that of the golden.
    package init(_ name: String, model: String = "model") throws {
        let folder = Golden.url("vision/\(name)/\(model)")
        backbone = try PretrainedModel.open(folder).openBackbone()
        head = try Self.head(backbone)
        let weights = try TensorStore(modelFolder: folder)
        for parameter in head.parameters {
            parameter.values.copyValues(from: try weights.floats(parameter.name))
        }
        labels = (try Golden.json("vision/\(name)/batch.json")["labels"]?.array ?? []).compactMap(\.int).map(
            Int32.init)
        expected = try Golden.tensors("vision/\(name)/expected.safetensors")
    }

    package static func head(_ backbone: any Backbone) throws -> SequenceHead {
        try SequenceHead(
            backbone: backbone, outputs: 3, pooling: .pooler, dropout: 0,
            stream: RandomStream(seed: 0, purpose: "overwritten"))
    }

    /// The images of a tensor [N, C, H, W].
    package static func images(_ store: TensorStore, _ name: String) throws -> [PixelImage] {
        guard let shape = store.info(name)?.shape, shape.count == 4 else {
            throw Golden.Missing(description: "no images \(name) in \(store.path)")
        }
        let values = try store.floats(name)
        let count = values.count / shape[0]
        return (0..<shape[0]).map { index in
            PixelImage(
                channels: shape[1], height: shape[2], width: shape[3],
                values: Array(values[index * count..<(index + 1) * count]))
        }
    }

    /// - Parameter name: of their tensor.
    package func batch(_ name: String = "pixels") throws -> PackedBatch {
        guard let input = backbone.imageInput else {
            throw Golden.Missing(description: "a model that reads no images")
        }
        return PackedBatch(try Self.images(expected, name), input)
    }
}
