import Foundation
import ModelFiles

extension ResultStore {
    package var predictionsFolder: URL { folder.appendingPathComponent("predictions") }
    package var packedPredictions: URL { folder.appendingPathComponent("predictions.gz") }

    /// Where a trial leaves its predictions until they are packed.
    package func predictionsFile(_ id: String) -> URL {
        predictionsFolder.appendingPathComponent("\(id).txt")
    }

    /// Ids of the predictions that have a file of their own.
    var loosePredictions: [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: predictionsFolder.path)) ?? []
        return names.filter { $0.hasSuffix(".txt") }.map { String($0.dropLast(4)) }.filter(Self.isID)
            .sorted()
    }

    /// The file is whole or absent, and on the disk when this returns.
    package func write(_ predictions: Predictions, id: String) throws {
        guard Self.isID(id) else {
            throw ComparisonError(
                "\(quoted(id)) is not the id of a trial; use letters, digits, hyphens and points")
        }
        try FileManager.default.createDirectory(at: predictionsFolder, withIntermediateDirectories: true)
        try AtomicFile.write(Data(predictions.text.utf8), to: predictionsFile(id))
    }

    /// All that are there.
    package func predictions() throws -> StoredPredictions { try StoredPredictions(self) }

    /// Puts predictions with files of their own into the packed file. For whoever holds the folder's lock. A kill before
    /// that file is replaced changes nothing; one after it leaves files that say the same.
    package func packPredictions() throws {
        let loose = loosePredictions
        guard !loose.isEmpty, let bytes = try predictions().packed() else { return }
        try AtomicFile.write(Data(bytes), to: packedPredictions)
        for id in loose { try FileManager.default.removeItem(at: predictionsFile(id)) }
        AtomicFile.removeLeftovers(in: predictionsFolder)
        // Stays where there is anything else in it.
        rmdir(predictionsFolder.path)
    }

    static func isID(_ text: String) -> Bool {
        let isPlain = text.utf8.allSatisfy {
            (48...57).contains($0) || (97...122).contains($0) || "-._+".utf8.contains($0)
        }
        return isPlain && !text.isEmpty && !text.hasPrefix(".")
    }
}
