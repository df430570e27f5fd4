/// What an image is resized to: the forms of `size` that transformers 5 resizes by.
package enum ProcessorSize: Sendable, Equatable {
    case exact(height: Int, width: Int)
    /// The other side keeps its proportion.
    case shortestEdge(Int)
    /// The same, but no side longer than `longest`.
    case edges(shortest: Int, longest: Int)
    /// The largest of the same proportion that fits.
    case within(height: Int, width: Int)

    /// The same for every image; nil where it depends on the image.
    package var fixed: (height: Int, width: Int)? {
        if case .exact(let height, let width) = self { (height, width) } else { nil }
    }

    /// Of an image of this size; by transformers' arithmetic, which cuts fractions off. A side may come out as 0.
    func size(height: Int, width: Int) -> (height: Int, width: Int) {
        switch self {
        case .exact(let height, let width): return (height, width)
        case .shortestEdge(let edge):
            let long = Int(Double(edge * max(height, width)) / Double(min(height, width)))
            return width <= height ? (long, edge) : (edge, long)
        case .edges(let shortest, let longest):
            return Self.bounded(height: height, width: width, shortest, longest)
        case .within(let most, let widest):
            let scale = min(Double(most) / Double(height), Double(widest) / Double(width))
            return (Int(Double(height) * scale), Int(Double(width) * scale))
        }
    }

    /// `get_size_with_aspect_ratio`
    private static func bounded(height: Int, width: Int, _ shortest: Int, _ longest: Int) -> (
        height: Int, width: Int
    ) {
        let (short, long) = (Double(min(height, width)), Double(max(height, width)))
        var edge = shortest
        // The edge before it was rounded, where the longest decides.
        var exact = Double(shortest)
        if long / short * Double(shortest) > Double(longest) {
            exact = Double(longest) * short / long
            edge = Int(exact.rounded(.toNearestOrEven))
        }
        if min(height, width) == edge { return (height, width) }
        let other = Int(exact * long / short)
        return width < height ? (other, edge) : (edge, other)
    }
}
