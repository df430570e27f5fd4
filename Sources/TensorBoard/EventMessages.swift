import Foundation

/// One event of TensorBoard's files, with its field numbers. Sources: tensorboard 2.21, compat/proto/{event, summary,
/// histogram, tensor, tensor_shape}.proto and plugins/hparams/{plugin_data, api}.proto. Fields that adalora does not
/// write are left out, and passed over in reading.
package struct EventMessage: Sendable {
    package enum Content: Sendable {
        case fileVersion(String)
        case summary([SummaryValue])
    }

    /// Seconds since 1970
    package var wallTime: Double = 0
    package var step: Int64 = 0
    package var content: Content

    package var values: [SummaryValue] { if case .summary(let values) = content { values } else { [] } }

    package func serialized() -> Data {
        var writer = WireWriter()
        writer.double(1, wallTime)
        writer.integer(2, step)
        switch content {
        case .fileVersion(let version): writer.chosenText(3, version)
        case .summary(let values):
            writer.message(5) { summary in
                for value in values { summary.message(1) { value.write(into: &$0) } }
            }
        }
        return writer.bytes
    }

    /// nil for bytes that are no event.
    package init?(serialized: Data) {
        guard let fields = WireReader.fields(serialized) else { return nil }
        content = .summary([])
        for field in fields {
            switch field {
            case (1, .fixed64(let bits)): wallTime = Double(bitPattern: bits)
            case (2, .varint(let bits)): step = Int64(bitPattern: bits)
            case (3, .delimited(let text)): content = .fileVersion(String(decoding: text, as: UTF8.self))
            case (5, .delimited(let summary)):
                guard let inner = WireReader.fields(summary) else { return nil }
                var values: [SummaryValue] = []
                for case (1, .delimited(let bytes)) in inner {
                    guard let value = SummaryValue(serialized: bytes) else { return nil }
                    values.append(value)
                }
                content = .summary(values)
            default: break
            }
        }
    }

    package init(step: Int64 = 0, _ content: Content) {
        self.step = step
        self.content = content
    }
}

/// What an event tells under one tag.
package struct SummaryValue: Sendable {
    package enum Content: Sendable {
        case scalar(Float)
        /// Portable Network Graphics, RGB
        case image(width: Int, height: Int, png: Data)
        case histogram(Histogram)
        /// The hyperparameter plugin's message, which rides on a tensor of no meaning.
        case hyperparameters(Data)
        /// Not looked into when it is read
        case other
    }

    package struct Histogram: Sendable {
        let least, greatest, count, sum, sumOfSquares: Double
        /// The right edge of each bucket
        let limits: [Double]
        let counts: [Double]

        package init(
            least: Double, greatest: Double, count: Double, sum: Double, sumOfSquares: Double,
            limits: [Double], counts: [Double]
        ) {
            self.least = least
            self.greatest = greatest
            self.count = count
            self.sum = sum
            self.sumOfSquares = sumOfSquares
            self.limits = limits
            self.counts = counts
        }
    }

    package let tag: String
    package let content: Content

    /// Of a scalar; 0 for all else, as protocol buffers have it.
    package var scalar: Float { if case .scalar(let value) = content { value } else { 0 } }

    func write(into writer: inout WireWriter) {
        writer.text(1, tag)
        switch content {
        case .scalar(let value): writer.chosenFloat(2, value)
        case .image(let width, let height, let png):
            writer.message(4) { image in
                image.integer(1, Int64(height))
                image.integer(2, Int64(width))
                image.integer(3, 3)  // RGB
                image.data(4, png)
            }
        case .histogram(let histogram):
            writer.message(5) { message in
                message.double(1, histogram.least)
                message.double(2, histogram.greatest)
                message.double(3, histogram.count)
                message.double(4, histogram.sum)
                message.double(5, histogram.sumOfSquares)
                message.packed(6, histogram.limits)
                message.packed(7, histogram.counts)
            }
        case .hyperparameters(let data):
            writer.message(8) { tensor in
                tensor.integer(1, 1)  // float
                tensor.message(2) { shape in shape.message(2) { $0.integer(1, 1) } }
                tensor.packed(5, [Float(0)])
            }
            writer.message(9) { metadata in
                metadata.message(1) { plugin in
                    plugin.text(1, "hparams")
                    plugin.data(2, data)
                }
            }
        case .other: break
        }
    }

    package init(_ tag: String, _ content: Content) {
        self.tag = tag
        self.content = content
    }

    init?(serialized: Data) {
        guard let fields = WireReader.fields(serialized) else { return nil }
        var tag = ""
        var content = Content.other
        for field in fields {
            switch field {
            case (1, .delimited(let text)): tag = String(decoding: text, as: UTF8.self)
            case (2, .fixed32(let bits)): content = .scalar(Float(bitPattern: bits))
            case (4, .delimited(let image)):
                guard let inner = WireReader.fields(image) else { return nil }
                content = Self.image(inner)
            default: break
            }
        }
        self.init(tag, content)
    }

    private static func image(_ fields: [(number: Int, value: WireReader.Value)]) -> Content {
        var (width, height, png) = (0, 0, Data())
        for field in fields {
            switch field {
            case (1, .varint(let value)): height = Int(truncatingIfNeeded: value)
            case (2, .varint(let value)): width = Int(truncatingIfNeeded: value)
            case (4, .delimited(let data)): png = data
            default: break
            }
        }
        return .image(width: width, height: height, png: png)
    }
}
