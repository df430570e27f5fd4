import Foundation
import GoldenFiles
import Images
import ModelFiles
import Testing

/// Files to pixels as `load_image` of transformers reads them, to the bit.
@Suite struct DecodingTests {
    @Test func everyFileIsReadAsByTransformers() throws {
        let expected = try Golden.tensors("images/decoded.safetensors")
        #expect(expected.names.count > 70)
        for name in expected.names {
            let image = try ImageFile.read(ImageGolden.file(name))
            let own = try ImageGolden.image(name, in: expected)
            #expect(image.height == own.height && image.width == own.width, "\(name)")
            #expect(image == own, "\(name)")
        }
    }

    @Test func theNameDoesNotMatter() throws {
        let bytes = try ImageGolden.bytes("rgb.png")
        #expect(try ImageFile.decode(bytes, name: "a.jpg") == ImageFile.read(ImageGolden.file("rgb.png")))
    }

    @Test func headersTellUprightSides() throws {
        let header = try ImageFile.header(ImageGolden.file("turned-6.jpg"))
        #expect(header.format == .jpeg && header.height == 14 && header.width == 11)
        #expect(header.orientation == .needsClockwiseTurn)
        #expect(try ImageFile.format(ImageGolden.file("lossy.webp")) == .webp)
    }

    /// What is missing is never made up.
    @Test func aFileThatIsCutOffIsAnError() throws {
        for name in [
            "rgb-420.jpg", "progressive.jpg", "cmyk.jpg", "grey.jpg", "rgb-16.png", "interlaced-rgb.png",
            "palette-4.png",
            "lossy.webp", "lossless.webp", "lossy-alpha.webp",
        ] {
            let bytes = try ImageGolden.bytes(name)
            for length in 0..<bytes.count - 1 {
                #expect(throws: ImageError.self, "\(name), \(length) of \(bytes.count) bytes") {
                    try ImageFile.decode(Array(bytes[..<length]), name: name)
                }
            }
        }
    }

    /// Nothing but an image or one line, whatever bits are turned over.
    @Test func damageIsReadOrRefused() throws {
        for url in try FileManager.default.contentsOfDirectory(
            at: ImageGolden.files, includingPropertiesForKeys: nil)
        {
            let bytes = try [UInt8](Data(contentsOf: url))
            for at in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 60)) {
                var damaged = bytes
                damaged[at] ^= UInt8(1 << (at % 8))
                do {
                    let image = try ImageFile.decode(
                        damaged, name: "f", limits: ImageLimits(pixels: 1 << 20, fileBytes: 1 << 20))
                    #expect(image.samples.count == 3 * image.height * image.width)
                } catch let error as ImageError {
                    let hasLines = error.description.contains { $0.isNewline }
                    #expect(!hasLines)
                }
            }
        }
    }
}
