import Autodiff
import Matrices
import Messages
import ModelFiles

/// The format in which a base is kept in memory whose files have Float32, BF16 or F16: each matrix is packed once, when the
/// model is opened, and training sees the packed values alone.
package struct BaseFormat: Sendable, Equatable {
    /// As settings call it
    package let name: String
    /// A matrix packed, and its bytes; nil of one whose rows this format does not fit, which stays as it is.
    fileprivate let pack: @Sendable (Matrix) -> (matrix: any FrozenMatrix, bytes: Int)?

    package static let all = [
        BaseFormat("bf16", blocks: ["BF16"]), BaseFormat("q8_0", blocks: ["Q8_0"]),
        // Rows of 256 are not every model's.
        BaseFormat("q4_k", blocks: ["Q4_K", "Q4_0"]), BaseFormat(name: "nf4", pack: nf4),
    ]

    /// A table of a few rows (of token types) is not worth what packing it costs in accuracy.
    private static let fewestRows = 8

    /// What settings call the files' own formats.
    package static let keep = "keep"

    package static func named(_ name: String) -> BaseFormat? { all.first { $0.name == name } }

    package static func == (a: BaseFormat, b: BaseFormat) -> Bool { a.name == b.name }

    private init(name: String, pack: @escaping @Sendable (Matrix) -> (matrix: any FrozenMatrix, bytes: Int)?)
    {
        self.name = name
        self.pack = pack
    }

    /// - Parameter blocks: names of formats; the first whose blocks the rows of a matrix fill is taken.
    private init(_ name: String, blocks: [String]) {
        self.init(name: name) { values in
            let format = blocks.compactMap(WeightFormat.named).first {
                values.columns.isMultiple(of: $0.blockWeights)
            }
            guard let format, let pack = format.pack,
                let count = format.byteCount(rows: values.rows, columns: values.columns)
            else { return nil }
            var packed = [UInt8](repeating: 0, count: count)
            packed.withUnsafeMutableBytes { out in
                if let base = out.baseAddress { pack(values.pointer, values.rows, values.columns, base) }
            }
            let matrix = format.open(
                rows: values.rows, columns: values.columns, WeightBytes(copying: packed))
            return (matrix, count)
        }
    }

    /// QLoRA's: blocks of 64, their scales quantised once more.
    private static let nf4: @Sendable (Matrix) -> (matrix: any FrozenMatrix, bytes: Int)? = { values in
        let packed = NF4Packing.pack(values.buffer)
        let scales = NF4Packing.packScales(packed.scales)
        let matrix = NF4Weight(
            rows: values.rows, columns: values.columns, codes: WeightBytes(copying: packed.codes),
            scales: NF4Scales(scales))
        return (matrix, packed.codes.count + scales.codes.count + scales.scales.count)
    }

    /// Packs all matrices of a model, and says what that costs.
    ///
    /// - Parameter name: of the model, for messages
    /// - Throws: `ModelFileError` for a matrix that is packed already, and for values that this format cannot hold.
    package func pack(_ backbone: any Backbone, name: String) throws -> PackedBase {
        var base = PackedBase(format: self)
        for weight in backbone.weights {
            guard let held = weight.format, weight.rows >= Self.fewestRows else { continue }
            guard ["F32", "BF16", "F16"].contains(held) else {
                throw ModelFileError(
                    file: name, place: "tensor \(quoted(weight.name))", problem: "it is \(held) already",
                    advice: "leave out \(SettingName.baseFormat): such a model stays as it is")
            }
            try base.add(weight, model: name)
        }
        return base
    }
}

/// What packing a base came to.
package struct PackedBase: Sendable {
    package let format: BaseFormat
    package var matrices: Int { errors.count }
    /// Matrices whose rows are no whole blocks
    package private(set) var kept: [String] = []
    /// As Float32, and packed
    package private(set) var bytes = (before: 0, after: 0)
    /// Of each matrix, by its name: √(Σ (packed − value)² / Σ value²)
    package private(set) var errors: [(name: String, error: Double)] = []

    fileprivate init(format: BaseFormat) { self.format = format }

    fileprivate mutating func add(_ weight: Weight, model: String) throws {
        let values = weight.dense()
        guard let (matrix, count) = format.pack(values) else { return kept.append(weight.name) }
        guard matrix.isFinite else {
            throw ModelFileError(
                file: model, place: "tensor \(quoted(weight.name))",
                problem: "values that \(matrix.format) cannot hold, or that are no numbers",
                advice: "leave out \(SettingName.baseFormat), or use a whole copy of the model")
        }
        var error = PackingError()
        error.add(matrix, from: values.buffer)
        errors.append((weight.name, error.relative))
        bytes.before += weight.count * MemoryLayout<Float>.size
        bytes.after += count
        weight.keep(as: matrix)
    }

    /// `base kept as q8_0: 38 matrices, 86.4 MB as Float32, in 22.9 MB; relative error 0.0052 on average, 0.0061 at most (…)`
    package var note: String {
        let mean = errors.reduce(0) { $0 + $1.error } / Double(max(errors.count, 1))
        var text =
            "base kept as \(format.name): \(Figures.counted(matrices, "matrix", plural: "matrices")), "
            + "\(megabytes(bytes.before)) as Float32, in \(megabytes(bytes.after))"
        if let worst = errors.max(by: { $0.error < $1.error }) {
            text +=
                "; relative error \(Figures.fixed(mean, 4)) on average, \(Figures.fixed(worst.error, 4)) at most (\(worst.name))"
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
