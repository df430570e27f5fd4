import Autodiff
import Matrices
import Messages
import ModelFiles

/// What packing a base came to, matrix by matrix.
package struct PackedBase: Sendable {
    package struct Entry: Sendable {
        package let name: String
        /// Where files have another name for it than transformers' classes
        let storedName: String
        package let format: String
        package let rows: Int
        package let columns: Int
        /// With what it is unpacked with
        package let byteCount: Int
        /// √(Σ (packed − value)² / Σ value²)
        package let error: Double
        let isStoredTransposed: Bool
        let parts: [PackedMatrix.Part]
    }

    package let format: BaseFormat
    package private(set) var entries: [Entry] = []
    package var matrices: Int { entries.count }
    /// Matrices whose rows are no whole blocks
    package private(set) var kept: [String] = []
    /// As Float32, and packed
    package private(set) var bytes = (before: 0, after: 0)

    init(format: BaseFormat) { self.format = format }

    /// The mean of all matrices' errors
    package var meanError: Double {
        entries.reduce(0) { $0 + $1.error } / Double(max(entries.count, 1))
    }
    package var worst: Entry? { entries.max { $0.error < $1.error } }

    mutating func add(
        _ weight: Weight, storedName: String, packedBy pack: (Matrix) -> PackedMatrix?, model: String
    ) throws {
        let values = weight.dense()
        guard let packed = pack(values) else { return kept.append(weight.name) }
        let matrix = packed.matrix
        guard matrix.isFinite else {
            throw ModelFileError(
                file: model, place: "tensor \(quoted(weight.name))",
                problem: "values that \(matrix.format) cannot hold, or that are no numbers",
                advice: "leave out \(SettingName.baseFormat), or use a whole copy of the model")
        }
        var error = PackingError()
        error.add(matrix, from: values.buffer)
        entries.append(
            Entry(
                name: weight.name, storedName: storedName, format: matrix.format, rows: weight.rows,
                columns: weight.columns,
                byteCount: packed.byteCount, error: error.relative,
                isStoredTransposed: weight.isStoredTransposed, parts: packed.parts))
        bytes.before += weight.count * MemoryLayout<Float>.size
        bytes.after += packed.byteCount
        weight.keep(as: matrix)
    }

    /// `base kept as q8_0: 38 matrices, 86.4 MB as Float32, in 22.9 MB; relative error 0.0052 on average, 0.0061 at most (…)`
    package var note: String {
        var text =
            "base kept as \(format.name): \(Figures.counted(matrices, "matrix", plural: "matrices")), "
            + "\(megabytes(bytes.before)) as Float32, in \(megabytes(bytes.after))"
        if let worst {
            text +=
                "; relative error \(Figures.fixed(meanError, 4)) on average, \(Figures.fixed(worst.error, 4)) at most (\(worst.name))"
        }
        if !kept.isEmpty {
            text +=
                "; as they are, since their rows are no whole blocks: "
                + oneLine(kept.joined(separator: ", "))
        }
        return text
    }

    private func megabytes(_ bytes: Int) -> String { "\(Figures.fixed(Double(bytes) / 1e6, 1)) MB" }
}
