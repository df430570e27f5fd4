import Datasets
import Foundation
import Images
import Messages
import ModelFiles
import Transformers

/// How image files become sequences of rows: by the preprocessing that a model's folder states, and in training as rows and epochs
/// change what is seen.
package struct ImageReading: Sendable {
    package let preprocessing: ImagePreprocessing
    private let input: ImageInput
    /// Of every image, in pixels
    private let size: ImageSize
    private var augmentation = AugmentationSettings(flip: false, crop: nil)
    private var seed: UInt64 = 0

    /// - Parameter folder: of the model, for messages.
    package init(_ preprocessing: ImagePreprocessing, _ input: ImageInput, folder: String) throws {
        self.preprocessing = preprocessing
        self.input = input
        func fault(_ problem: String, _ advice: String) -> ModelFileError {
            ModelFileError(file: folder, place: ImagePreprocessing.file, problem: problem, advice: advice)
        }
        guard let size = preprocessing.outputSize else {
            throw fault(
                "images keep sizes of their own, and only one size for all is supported",
                "say \"size\" with height and width there, or \"do_center_crop\" with \"crop_size\"")
        }
        guard input.channels == ImagePreprocessing.channels else {
            throw fault(
                "images have \(ImagePreprocessing.channels) channels, the model's num_channels is \(input.channels)",
                "use a model of \(ImagePreprocessing.channels) channels")
        }
        let grid = input.grid(height: size.height, width: size.width)
        guard grid.height > 0, grid.width > 0 else {
            throw fault(
                "images of \(size.height) × \(size.width) pixels have no patch of \(input.patch.height) × \(input.patch.width)",
                "use the file that was saved with the model")
        }
        self.size = ImageSize(height: size.height, width: size.width)
    }

    /// The same, in training with what these settings draw for a row and an epoch.
    package func augmenting(_ settings: AugmentationSettings, seed: UInt64) -> ImageReading {
        var copy = self
        (copy.augmentation, copy.seed) = (settings, seed)
        return copy
    }

    /// Of the sequence that an image becomes
    package var rows: Int { input.rows(height: size.height, width: size.width) }

    /// - Parameters:
    ///   - rows: of images, whose errors name their lines.
    ///   - isTraining: whether rows are augmented.
    func feed(_ rows: Dataset, isTraining: Bool) throws -> ImageFeed {
        let files = try rows.examples.map { example in
            guard let file = example.image else {
                throw TaskError(
                    "\(rows.file):\(example.line): the row has no image; remove it, or give it one")
            }
            return (file: file, place: "\(rows.file):\(example.line)")
        }
        let isAugmented = isTraining && !augmentation.changesNothing
        return ImageFeed(
            channels: input.channels, size: (size.height, size.width), isAugmented: isAugmented
        ) { [preprocessing, augmentation, seed] row, epoch in
            do {
                return try preprocessing.pixels(
                    files[row].file,
                    augmentation: epoch.map { augmentation.draw(seed: seed, row: row, epoch: $0) })
            } catch let error as ImageError {
                throw TaskError("\(files[row].place): \(error)")
            }
        }
    }
}
