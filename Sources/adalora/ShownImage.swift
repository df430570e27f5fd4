import Datasets
import Foundation
import Images
import Messages
import ModelFiles

/// A row's image: what its file is, and which values a model reads of it.
struct ShownImage {
    private let example: Example
    private let header: ImageHeader
    private let pixels: PixelImage

    private static let channels = ["red", "green", "blue"]

    /// - Parameter model: its folder, which says how images become pixels.
    init(_ example: Example, model: URL) throws {
        guard let file = example.image else { preconditionFailure("line \(example.line) has no image") }
        self.example = example
        header = try ImageFile.header(file)
        pixels = try ImagePreprocessing(folder: model).pixels(file)
    }

    /// Lowest value, mean and highest of a channel.
    private func range(_ channel: Int) -> (lowest: Float, mean: Double, highest: Float) {
        let area = pixels.height * pixels.width
        let values = pixels.values[channel * area..<(channel + 1) * area]
        return (
            values.min() ?? 0, values.reduce(0) { $0 + Double($1) } / Double(area), values.max() ?? 0
        )
    }

    var text: String {
        var lines = ["image \(oneLine(example.text, limit: 200))"]
        if let label = example.label { lines.append("label \(oneLine(label.className, limit: 200))") }
        if let pair = example.pair { lines.append("text \(oneLine(pair))") }
        lines.append(
            "\(header.format.rawValue) of \(header.width) × \(header.height) pixels"
                + (header.orientation == .upright ? "" : ", turned upright as its metadata say"))
        lines.append("read as \(pixels.channels) × \(pixels.height) × \(pixels.width) values")
        for (channel, name) in Self.channels.enumerated() {
            let range = range(channel)
            lines.append(
                "  \(name): \(Figures.fixed(Double(range.lowest), 3)) to \(Figures.fixed(Double(range.highest), 3)), mean "
                    + Figures.fixed(range.mean, 3))
        }
        return lines.joined(separator: "\n")
    }

    var json: JSONValue {
        .object([
            "image": .string(example.text), "line": JSONValue(example.line),
            "label": example.label.map { .string($0.className) } ?? .null,
            "text": example.pair.map { .string($0) } ?? .null, "format": .string(header.format.rawValue),
            "height": JSONValue(header.height), "width": JSONValue(header.width),
            "orientation": JSONValue(header.orientation.rawValue),
            "shape": .array([pixels.channels, pixels.height, pixels.width].map { JSONValue($0) }),
            "channels": .array(
                Self.channels.indices.map { channel in
                    let range = range(channel)
                    return .object([
                        "lowest": .number(Double(range.lowest)), "mean": .number(range.mean),
                        "highest": .number(Double(range.highest)),
                    ])
                }),
        ])
    }
}
