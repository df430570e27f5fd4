import Images

/// What a model makes of the images that it reads: rows that stand before, and one for each patch.
package struct ImageInput: Sendable, Equatable {
    package let channels: Int
    /// Of a patch, in pixels; what is left of an image beyond whole patches is not read.
    package let patch: ImageSize
    /// Rows before those of the patches: of the class, of distillation, registers
    package let leading: Int
    /// That its positions were learned for; those of other sizes are interpolated.
    package let size: ImageSize

    /// Patches of an image, side by side
    package func grid(height: Int, width: Int) -> ImageSize {
        ImageSize(height: height / patch.height, width: width / patch.width)
    }

    /// Rows of the sequence that an image becomes; of one smaller than a patch those that stand before.
    package func rows(height: Int, width: Int) -> Int {
        let grid = grid(height: height, width: width)
        return leading + grid.height * grid.width
    }

    /// Values of a patch: columns of the matrix that embeds them
    var patchValues: Int { channels * patch.height * patch.width }

    /// An image of zeros that becomes a sequence of so many rows.
    package func madeUp(rows: Int) -> PixelImage {
        let (height, width) = (patch.height, patch.width * max(1, rows - leading))
        return PixelImage(
            channels: channels, height: height, width: width,
            values: [Float](repeating: 0, count: channels * height * width))
    }
}

/// Height and width, in pixels or in patches.
package struct ImageSize: Sendable, Equatable {
    package let height: Int
    package let width: Int

    package init(height: Int, width: Int) { (self.height, self.width) = (height, width) }
}
