import GoldenFiles
import Images
import ModelFiles
import Testing

/// PIL's resizing, to the bit.
@Suite struct ResizingTests {
    @Test func everyFilterIsPILs() throws {
        let expected = try Golden.tensors("images/resized.safetensors")
        let cases = try #require(try Golden.json("images/resized.json")["cases"]?.array)
        #expect(cases.count > 60)
        for entry in cases {
            guard let name = entry["name"]?.string, let source = entry["source"]?.string,
                let height = entry["height"]?.int,
                let width = entry["width"]?.int,
                let filter = entry["resample"]?.int.flatMap(ResampleFilter.init(rawValue:))
            else {
                Issue.record("an incomplete case")
                continue
            }
            let image = try ImageGolden.image("source.\(source)", in: expected)
            let resized = image.resized(height: height, width: width, filter)
            #expect(resized == (try ImageGolden.image(name, in: expected)), "\(name)")
        }
    }

    /// The middle of what is large, black around what is small.
    @Test func centerCrops() {
        let image = RGBImage(height: 2, width: 3, samples: (0..<18).map { UInt8($0 + 1) })
        #expect(image.centerCropped(height: 1, width: 1).samples == [4, 5, 6])
        let padded = image.centerCropped(height: 3, width: 3)
        #expect(padded.samples == [UInt8](repeating: 0, count: 9) + image.samples)
        #expect(image.centerCropped(height: 2, width: 3) == image)
    }
}
