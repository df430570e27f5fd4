import Foundation
import GoldenFiles
import Images
import ModelFiles
import Testing

/// What transformers made of the image files of `Tests/Goldens/images`.
enum ImageGolden {
    static let files = Golden.url("images/files")

    static func file(_ name: String) -> URL { files.appendingPathComponent(name) }

    static func bytes(_ name: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: file(name))) }

    /// A tensor of samples [H, W, 3].
    static func image(_ name: String, in store: TensorStore) throws -> RGBImage {
        let shape = try #require(store.info(name)?.shape, "no image \(name)")
        try #require(shape.count == 3, "\(name)")
        return RGBImage(height: shape[0], width: shape[1], samples: try store.bytes(name))
    }
}
