import Foundation

extension SummaryValue {
    package static func scalar(_ tag: String, _ value: Double) -> Self { Self(tag, .scalar(Float(value))) }

    /// Counts in 30 buckets of one width; finite values only, of which there must be one.
    static func histogram(_ tag: String, _ all: [Double]) -> Self? {
        let values = all.filter(\.isFinite)
        guard let least = values.min(), let greatest = values.max() else { return nil }
        let count = least == greatest ? 1 : 30
        let width = (greatest - least) / Double(count)
        var counts = [Double](repeating: 0, count: count)
        for value in values {
            counts[width > 0 ? min(Int((value - least) / width), count - 1) : 0] += 1
        }
        let limits = (1...count).map { $0 == count ? greatest : least + Double($0) * width }
        return Self(
            tag,
            .histogram(
                Histogram(
                    least: least, greatest: greatest, count: Double(values.count),
                    sum: values.reduce(0, +), sumOfSquares: values.reduce(0) { $0 + $1 * $1 },
                    limits: limits, counts: counts)))
    }

    static func image(_ tag: String, _ image: RankImage) -> Self {
        Self(tag, .image(width: image.width, height: image.height, png: image.png))
    }

    /// The settings of a run, for the hyperparameter tab: numbers and truth values as such, all else as text.
    package static func sessionStart(_ settings: [String: String], seconds: Double) -> Self {
        hyperparameters("_hparams_/session_start_info") { data in
            data.message(3) { start in
                for (name, text) in settings.sorted(by: { $0.key < $1.key }) {
                    start.message(1) { entry in
                        entry.text(1, name)
                        entry.message(2) { writeValue(text, into: &$0) }
                    }
                }
                start.double(5, seconds)
            }
        }
    }

    /// `google.protobuf.Value`
    private static func writeValue(_ text: String, into value: inout WireWriter) {
        if let number = Double(text), number.isFinite {
            value.chosenDouble(2, number)
        } else if let truth = Bool(text) {
            value.chosenFlag(4, truth)
        } else {
            value.chosenText(3, text)
        }
    }

    static func sessionEnd(seconds: Double) -> Self {
        hyperparameters("_hparams_/session_end_info") { data in
            data.message(4) { end in
                end.integer(1, 1)  // success
                end.double(2, seconds)
            }
        }
    }

    private static func hyperparameters(_ tag: String, _ write: (inout WireWriter) -> Void) -> Self {
        var data = WireWriter()
        write(&data)
        return Self(tag, .hyperparameters(data.bytes))
    }
}
