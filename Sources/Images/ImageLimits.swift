/// How much an image file may ask for: a small one could fill the memory. Checked before pixels are allocated.
package struct ImageLimits: Sendable {
    /// Of the decoded image and of the resized one. The default is PIL's, above which it warns of a decompression bomb: 268 MB.
    package var pixels: Int
    package var fileBytes: Int

    package init(pixels: Int = 89_478_485, fileBytes: Int = 256 << 20) {
        self.pixels = pixels
        self.fileBytes = fileBytes
    }
}
