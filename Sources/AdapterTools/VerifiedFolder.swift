import Foundation
import Matrices
import Messages
import ModelFiles
import Tasks
import Training

/// A new folder of a command: it appears only if what is in it, opened again, gives the logits that it should.
struct VerifiedFolder {
    let url: URL

    /// What is at the path already is refused: called before any work, so that none is in vain.
    init(new url: URL) throws {
        guard !FileManager.default.fileExists(atPath: url.path) else {
            throw TrainingError(
                .usage, "\(url.path) already exists; give a new folder as \(SettingName.output)")
        }
        self.url = url
    }

    /// - Parameters:
    ///   - what: the content, for a message.
    ///   - expected: logits of `samples`.
    ///   - tolerance: the largest difference of logits, relative to the largest logit or 1; nil for the model's usual one.
    ///   - fill: writes into the folder it is given.
    ///   - open: the model in that folder.
    ///   - document: writes what people may change later: it is no part of the folder's manifest.
    func write(
        _ what: String, expected: Matrix, samples: TokenizedDataset, tolerance: Double? = nil,
        fill: (URL) throws -> Void, open: (URL) throws -> SequenceModel,
        document: (URL) throws -> Void = { _ in }
    ) throws -> LogitDifference {
        var difference = LogitDifference(largest: .infinity, logit: 0, samples: samples.count)
        try ParentFolders.making(for: url) {
            try AtomicFile.replaceFolder(url) { target in
                try fill(target)
                let model = try open(target)
                difference = LogitDifference(expected, model.logits(samples))
                guard difference.isWithin(tolerance ?? LogitCheck.tolerance(model.backbone)) else {
                    throw TrainingError("\(what) differs: \(difference); nothing was written")
                }
                try FolderManifest.write(into: target)
                try document(target)
            }
        }
        return difference
    }
}

/// How far two forms of one model answer apart.
package struct LogitDifference: Sendable, CustomStringConvertible {
    /// The largest of all logits' differences
    package let largest: Double
    /// The largest logit of the first
    package let logit: Double
    package let samples: Int

    init(largest: Double, logit: Double, samples: Int) {
        self.largest = largest
        self.logit = logit
        self.samples = samples
    }

    package init(_ a: Matrix, _ b: Matrix) {
        var (largest, logit) = (a.rows == b.rows && a.columns == b.columns ? 0 : Double.infinity, 0.0)
        for index in 0..<(largest == 0 ? a.count : 0) {
            let (x, y) = (Double(a.pointer[index]), Double(b.pointer[index]))
            largest = (x - y).isFinite ? max(largest, abs(x - y)) : .infinity
            logit = max(logit, abs(x))
        }
        self.init(largest: largest, logit: logit, samples: a.rows)
    }

    package func isWithin(_ tolerance: Double) -> Bool { largest <= tolerance * max(1, logit) }

    package var description: String {
        String(format: "logits differ by at most %.1e (largest logit %.2f)", largest, logit)
    }
}
