import Foundation
import Matrices

/// How training changes pictures, so that none is seen twice: torchvision's `RandomResizedCrop` and `RandomHorizontalFlip`.
package struct AugmentationSettings: Sendable, Equatable {
    /// Whether half of the pictures are mirrored.
    package let flip: Bool
    /// The smallest share of a picture's area that may be cut out and shown in its place; nil cuts nothing.
    package let crop: Double?

    /// torchvision's own smallest share.
    package static let usualCrop = 0.08

    /// - Parameter crop: above 0, at most 1.
    package init(flip: Bool, crop: Double?) {
        precondition(crop.map { $0 > 0 && $0 <= 1 } ?? true, "a share of \(crop ?? 0)")
        self.flip = flip
        self.crop = crop
    }

    package var changesNothing: Bool { !flip && crop == nil }

    /// What happens to a row in an epoch: a function of the three numbers alone, so that nothing needs saving to resume.
    package func draw(seed: UInt64, row: Int, epoch: Int) -> Augmentation {
        var flips = RandomStream(seed: seed, purpose: "image flip", indices: [row, epoch])
        return Augmentation(
            isMirrored: flip && flips.uniform() < 0.5,
            crop: crop.map {
                RandomCrop(
                    smallestShare: $0,
                    stream: RandomStream(seed: seed, purpose: "image crop", indices: [row, epoch]))
            })
    }
}

/// What was drawn for one row and epoch.
package struct Augmentation: Sendable {
    package let isMirrored: Bool
    package let crop: RandomCrop?

    package init(isMirrored: Bool, crop: RandomCrop?) {
        self.isMirrored = isMirrored
        self.crop = crop
    }
}

/// A rectangle that is drawn once the size of the picture is known; for one size always the same.
package struct RandomCrop: Sendable {
    let smallestShare: Double
    let stream: RandomStream

    /// Of width to height, between this and its inverse.
    private static let narrowest = 3.0 / 4
    private static let tries = 10

    package init(smallestShare: Double, stream: RandomStream) {
        self.smallestShare = smallestShare
        self.stream = stream
    }

    /// As torchvision's `RandomResizedCrop.get_params`: a share of the area and the logarithm of the sides' ratio, both uniform;
    /// where none of ten fits, the largest in the middle whose ratio is allowed.
    package func rectangle(height: Int, width: Int) -> PixelRectangle {
        var stream = stream
        let area = Double(height * width)
        for _ in 0..<Self.tries {
            let share = smallestShare + stream.uniform() * (1 - smallestShare)
            let ratio = exp(log(Self.narrowest) * (1 - 2 * stream.uniform()))
            let wide = Int((area * share * ratio).squareRoot().rounded(.toNearestOrEven))
            let high = Int((area * share / ratio).squareRoot().rounded(.toNearestOrEven))
            guard wide > 0, wide <= width, high > 0, high <= height else { continue }
            return PixelRectangle(
                top: Int(stream.uniform() * Double(height - high + 1)),
                left: Int(stream.uniform() * Double(width - wide + 1)), height: high, width: wide)
        }
        return Self.middle(height: height, width: width)
    }

    private static func middle(height: Int, width: Int) -> PixelRectangle {
        let ratio = Double(width) / Double(height)
        var (high, wide) = (height, width)
        if ratio < narrowest {
            high = Int((Double(width) / narrowest).rounded(.toNearestOrEven))
        } else if ratio > 1 / narrowest {
            wide = Int((Double(height) / narrowest).rounded(.toNearestOrEven))
        }
        return PixelRectangle(top: (height - high) / 2, left: (width - wide) / 2, height: high, width: wide)
    }
}
