/// Which way up a camera was held: the values of EXIF's tag 274, and what makes the picture upright.
package enum Orientation: Int, Sendable, CaseIterable {
    case upright = 1
    case mirrored
    case upsideDown
    case mirroredUpsideDown
    case transposed
    case needsClockwiseTurn
    case transverse
    case needsCounterclockwiseTurn

    var swapsSides: Bool { rawValue >= 5 }

    /// The same picture upright, as PIL's `exif_transpose` turns it.
    package func upright(_ image: RGBImage) -> RGBImage {
        let (bottom, right) = (image.height - 1, image.width - 1)
        let (height, width) = swapsSides ? (image.width, image.height) : (image.height, image.width)
        func arranged(_ source: (Int, Int) -> (y: Int, x: Int)) -> RGBImage {
            image.rearranged(height: height, width: width, source: source)
        }
        return switch self {
        case .upright: image
        case .mirrored: arranged { y, x in (y, right - x) }
        case .upsideDown: arranged { y, x in (bottom - y, right - x) }
        case .mirroredUpsideDown: arranged { y, x in (bottom - y, x) }
        case .transposed: arranged { y, x in (x, y) }
        case .needsClockwiseTurn: arranged { y, x in (bottom - x, y) }
        case .transverse: arranged { y, x in (bottom - x, right - y) }
        case .needsCounterclockwiseTurn: arranged { y, x in (x, right - y) }
        }
    }
}
