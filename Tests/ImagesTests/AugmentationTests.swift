import Images
import Matrices
import Testing

/// Flips and crops from streams that are addressed by seed, row and epoch.
@Suite struct AugmentationTests {
    private static let both = AugmentationSettings(flip: true, crop: AugmentationSettings.usualCrop)

    private static func rectangles(_ settings: AugmentationSettings, _ height: Int, _ width: Int)
        -> [PixelRectangle]
    {
        (0..<500).compactMap {
            settings.draw(seed: 1, row: $0, epoch: 2).crop?.rectangle(height: height, width: width)
        }
    }

    @Test func theSameAddressDrawsTheSame() {
        for row in 0..<20 {
            let first = Self.both.draw(seed: 7, row: row, epoch: 3)
            let again = Self.both.draw(seed: 7, row: row, epoch: 3)
            #expect(first.isMirrored == again.isMirrored)
            #expect(
                first.crop?.rectangle(height: 90, width: 70) == again.crop?.rectangle(height: 90, width: 70))
        }
        // Rows, epochs and seeds each change it.
        let base = Self.rectangles(Self.both, 90, 70)
        #expect(Set(base.map { "\($0)" }).count > 490)
        func drawn(_ seed: UInt64, _ epoch: Int) -> [PixelRectangle?] {
            (0..<20).map {
                Self.both.draw(seed: seed, row: $0, epoch: epoch).crop?.rectangle(height: 90, width: 70)
            }
        }
        #expect(drawn(1, 0) != drawn(1, 1) && drawn(1, 0) != drawn(2, 0))
    }

    @Test func cropsAreTorchvisions() {
        let drawn = Self.rectangles(Self.both, 300, 400)
        #expect(drawn.count == 500)
        var shares: [Double] = []
        for place in drawn {
            #expect(
                place.top >= 0 && place.left >= 0 && place.top + place.height <= 300
                    && place.left + place.width <= 400)
            let ratio = Double(place.width) / Double(place.height)
            // Sides are whole pixels: half a pixel of the smallest, 73, is 0.7 %.
            #expect(ratio > 0.75 * 0.986 && ratio < 4 / 3.0 * 1.014)
            shares.append(Double(place.width * place.height) / 120_000)
        }
        #expect(shares.allSatisfy { $0 > 0.078 && $0 <= 1 })
        // Uniform between 0.08 and 1, less those that do not fit: 0.432 ± 0.216 in 40,000 draws of numpy by torchvision's
        // formula; five standard errors of a mean of 500.
        let mean = shares.reduce(0, +) / 500
        #expect(abs(mean - 0.432) < 0.048)
    }

    /// No rectangle of an allowed proportion has most of such an area.
    @Test func whatFitsNowhereIsTheMiddle() {
        let settings = AugmentationSettings(flip: false, crop: 0.9)
        #expect(
            Set(Self.rectangles(settings, 10, 100).map { "\($0)" }) == [
                "\(PixelRectangle(top: 0, left: 43, height: 10, width: 13))"
            ])
        #expect(
            Set(Self.rectangles(settings, 100, 9).map { "\($0)" }) == [
                "\(PixelRectangle(top: 44, left: 0, height: 12, width: 9))"
            ])
    }

    @Test func halfIsMirrored() {
        let count = (0..<1000).count { Self.both.draw(seed: 3, row: $0, epoch: 0).isMirrored }
        // Four standard deviations of a fair coin.
        #expect(abs(count - 500) < 64)
        let none = AugmentationSettings(flip: false, crop: nil)
        #expect(none.changesNothing && !Self.both.changesNothing)
        #expect((0..<50).allSatisfy { !none.draw(seed: 3, row: $0, epoch: 0).isMirrored })
    }

    @Test func whatIsCutOutBecomesTheWhole() throws {
        let image = try ImageFile.read(ImageGolden.file("rgb-444.jpg"))
        let preprocessing = try ImagePreprocessing(
            json: [
                "image_processor_type": .string("DeiTImageProcessor"), "size": .number(14),
                "crop_size": .number(9),
                "do_normalize": .bool(false), "do_rescale": .bool(false),
            ], file: "f")
        let augmentation = Augmentation(
            isMirrored: true, crop: Self.both.draw(seed: 5, row: 6, epoch: 7).crop)
        let place = try #require(augmentation.crop).rectangle(height: image.height, width: image.width)
        let expected = image.cropped(to: place).resized(height: 9, width: 9, .bicubic).mirrored()
        let pixels = try preprocessing.pixels(image, augmentation: augmentation, name: "f")
        #expect(pixels.height == 9 && pixels.width == 9)
        for channel in 0..<3 {
            let own = pixels.values[channel * 81..<(channel + 1) * 81]
            #expect(Array(own) == (0..<81).map { Float(expected.samples[3 * $0 + channel]) })
        }
        let plain = try preprocessing.pixels(image, augmentation: nil, name: "f")
        #expect(plain != pixels)
    }

    @Test func mirrorsAndTurns() {
        let image = RGBImage(height: 1, width: 2, samples: [1, 2, 3, 4, 5, 6])
        #expect(image.mirrored().samples == [4, 5, 6, 1, 2, 3])
        #expect(
            Orientation.needsClockwiseTurn.upright(image)
                == RGBImage(height: 2, width: 1, samples: [1, 2, 3, 4, 5, 6]))
    }
}
