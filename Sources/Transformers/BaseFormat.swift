import Autodiff
import Matrices
import Messages
import ModelFiles

/// The format in which a base is kept in memory whose files have Float32, BF16 or F16: each matrix is packed once, when the
/// model is opened, and training sees the packed values alone.
package struct BaseFormat: Sendable, Equatable {
    /// As settings call it
    package let name: String
    /// The first whose blocks the rows of a matrix fill is taken; a matrix that fits none stays as it is.
    private let formats: [String]

    package static let all = [
        BaseFormat("bf16", ["BF16"]), BaseFormat("q8_0", ["Q8_0"]), BaseFormat("q4_k", ["Q4_K", "Q4_0"]),
    ]

    private init(_ name: String, _ formats: [String]) {
        self.name = name
        self.formats = formats
    }

    /// What settings call the files' own formats.
    package static let keep = "keep"

    package static func named(_ name: String) -> BaseFormat? { all.first { $0.name == name } }

    private func format(columns: Int) -> WeightFormat? {
        formats.compactMap(WeightFormat.named).first { columns.isMultiple(of: $0.blockWeights) }
    }

    /// Packs all matrices of a model, and says what that costs.
    ///
    /// - Parameter name: of the model, for messages
    /// - Throws: `ModelFileError` for a matrix that is packed already, and for values that this format cannot hold.
    package func pack(_ backbone: any Backbone, name: String) throws -> PackedBase {
        var base = PackedBase(format: self)
        for weight in backbone.weights {
            guard let held = weight.format else { continue }
            guard ["F32", "BF16", "F16"].contains(held) else {
                throw ModelFileError(
                    file: name, place: "tensor \(quoted(weight.name))", problem: "it is \(held) already",
                    advice: "leave out \(SettingName.baseFormat): such a model stays as it is")
            }
            guard let format = format(columns: weight.columns), let pack = format.pack else {
                base.kept.append(weight.name)
                continue
            }
            try base.add(weight, format, pack, name)
        }
        return base
    }
}

/// What packing a base came to.
package struct PackedBase: Sendable {
    package let format: BaseFormat
    package fileprivate(set) var matrices = 0
    /// Matrices whose rows are no whole blocks
    package fileprivate(set) var kept: [String] = []
    /// As Float32, and packed
    package private(set) var bytes = (before: 0, after: 0)
    /// Of each matrix, by its name: √(Σ (packed − value)² / Σ value²)
    package private(set) var errors: [(name: String, error: Double)] = []

    fileprivate init(format: BaseFormat) { self.format = format }

    fileprivate mutating func add(
        _ weight: Weight, _ format: WeightFormat, _ pack: WeightFormat.Pack, _ model: String
    ) throws {
        guard let count = format.byteCount(rows: weight.rows, columns: weight.columns) else {
            preconditionFailure("\(weight.name): rows of \(weight.columns) in \(format.name)")
        }
        var packed = [UInt8](repeating: 0, count: count)
        let rowBytes = count / max(weight.rows, 1)
        packed.withUnsafeMutableBytes { out in
            weight.forEachTile { first, values in
                guard let from = values.baseAddress, let base = out.baseAddress else { return }
                pack(from, values.count / weight.columns, weight.columns, base + first * rowBytes)
            }
        }
        let matrix = format.open(
            rows: weight.rows, columns: weight.columns, WeightBytes(copying: packed))
        guard matrix.isFinite else {
            throw ModelFileError(
                file: model, place: "tensor \(quoted(weight.name))",
                problem: "values that \(format.name) cannot hold, or that are no numbers",
                advice: "leave out \(SettingName.baseFormat), or use a whole copy of the model")
        }
        var error = PackingError()
        weight.forEachTile { first, values in
            var unpacked = [Float](repeating: 0, count: values.count)
            unpacked.withUnsafeMutableBufferPointer { buffer in
                if let base = buffer.baseAddress {
                    matrix.unpack(first..<first + values.count / weight.columns, into: base)
                }
                error.add(UnsafeBufferPointer(buffer), from: values)
            }
        }
        matrices += 1
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
