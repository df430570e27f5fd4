import Foundation
import SwiftProtobuf

extension Tensorboard_Summary.Value {
    static func scalar(_ tag: String, _ value: Double) -> Self {
        var summary = Self()
        summary.tag = tag
        summary.simpleValue = Float(value)
        return summary
    }

    /// Counts in 30 buckets of one width; finite values only, of which there must be one.
    static func histogram(_ tag: String, _ all: [Float]) -> Self? {
        let values = all.filter(\.isFinite).map(Double.init)
        guard let least = values.min(), let greatest = values.max() else { return nil }
        let count = least == greatest ? 1 : 30
        let width = (greatest - least) / Double(count)
        var counts = [Double](repeating: 0, count: count)
        for value in values {
            counts[width > 0 ? min(Int((value - least) / width), count - 1) : 0] += 1
        }
        var summary = Self()
        summary.tag = tag
        summary.histo.min = least
        summary.histo.max = greatest
        summary.histo.num = Double(values.count)
        summary.histo.sum = values.reduce(0, +)
        summary.histo.sumSquares = values.reduce(0) { $0 + $1 * $1 }
        // Limits are the right edges.
        summary.histo.bucketLimit = (1...count).map {
            $0 == count ? greatest : least + Double($0) * width
        }
        summary.histo.bucket = counts
        return summary
    }

    static func image(_ tag: String, _ image: RankImage) -> Self {
        var summary = Self()
        summary.tag = tag
        summary.image.width = Int32(image.width)
        summary.image.height = Int32(image.height)
        summary.image.colorspace = 3
        summary.image.encodedImageString = image.png
        return summary
    }

    /// The settings of a run, for the hyperparameter tab: numbers and truth values as such, all else as text.
    static func sessionStart(_ settings: [String: String], seconds: Double) throws -> Self {
        var start = Tensorboard_SessionStartInfo()
        start.startTimeSecs = seconds
        for (name, text) in settings {
            var value = Google_Protobuf_Value()
            if let number = Double(text), number.isFinite {
                value.numberValue = number
            } else if let truth = Bool(text) {
                value.boolValue = truth
            } else {
                value.stringValue = text
            }
            start.hparams[name] = value
        }
        var data = Tensorboard_HParamsPluginData()
        data.sessionStartInfo = start
        return try hyperparameters("_hparams_/session_start_info", data)
    }

    static func sessionEnd(seconds: Double) throws -> Self {
        var data = Tensorboard_HParamsPluginData()
        data.sessionEndInfo.status = 1
        data.sessionEndInfo.endTimeSecs = seconds
        return try hyperparameters("_hparams_/session_end_info", data)
    }

    /// The plugin's messages ride on a tensor of no meaning.
    private static func hyperparameters(_ tag: String, _ data: Tensorboard_HParamsPluginData) throws -> Self {
        var summary = Self()
        summary.tag = tag
        summary.metadata.pluginData.pluginName = "hparams"
        summary.metadata.pluginData.content = try data.serializedData()
        var size = Tensorboard_TensorShapeProto.Dim()
        size.size = 1
        summary.tensor.dtype = 1
        summary.tensor.tensorShape.dim = [size]
        summary.tensor.floatVal = [0]
        return summary
    }
}
