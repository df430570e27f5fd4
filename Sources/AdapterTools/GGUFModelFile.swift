import Foundation
import Matrices
import Messages
import ModelFiles
import Training
import Transformers

/// A whole model as one GGUF: which format each tensor gets, the file, and what rounding did to the values.
package struct GGUFModelFile {
    /// A tensor with the format that it is written in.
    struct Part {
        let tensor: GGUFModelTensor
        let type: GGMLType
    }

    let metadata: [(key: String, value: GGUFValue)]
    let parts: [Part]

    /// - Parameters:
    ///   - metadata: without what it says of formats.
    ///   - choice: the format of matrices with new values.
    package init(
        metadata: [(key: String, value: GGUFValue)], tensors: [GGUFModelTensor], _ choice: MergedType
    ) throws {
        let layers = Set(tensors.compactMap { $0.name.prefixMatch(of: /blk\.([0-9]+)\./)?.1 }).count
        parts = try tensors.map { tensor in
            switch tensor.content {
            case .stored(let stored):
                guard let type = GGMLType.named(stored.format) else {
                    preconditionFailure("\(tensor.name) is of no format of ggml")
                }
                return Part(tensor: tensor, type: type)
            case .values: return Part(tensor: tensor, type: try choice.type(of: tensor, layers: layers))
            }
        }
        self.metadata = Self.describing(parts, in: metadata, before: tensors)
    }

    /// The keys with what they say of formats, where most weights have another one than before.
    private static func describing(
        _ parts: [Part], in metadata: [(key: String, value: GGUFValue)], before: [GGUFModelTensor]
    ) -> [(key: String, value: GGUFValue)] {
        var keys = metadata
        func set(_ key: String, _ value: UInt32) {
            if let place = keys.firstIndex(where: { $0.key == key }) {
                keys[place].value = .uint32(value)
            } else {
                keys.append((key, .uint32(value)))
            }
        }
        let main = GGUFFileType.main(of: parts.map { ($0.type.name, $0.tensor.shape) })
        let isDescribed = keys.contains { $0.key == GGUFFileType.key }
        let old = GGUFFileType.main(of: before.map { ($0.format ?? "", $0.shape) })
        if let main, let number = GGUFFileType.number(main), !isDescribed || main != old {
            set(GGUFFileType.key, number)
        }
        if parts.contains(where: { $0.type.blockWeights > 1 }),
            !keys.contains(where: { $0.key == GGUFFileType.editionKey })
        {
            set(GGUFFileType.editionKey, GGUFFileType.edition)
        }
        return keys
    }

    /// Of all matrices, by format, how many; the most frequent first.
    var formats: [(format: String, count: Int)] {
        let names = parts.filter(\.tensor.isMatrix).map(\.type.name)
        return Dictionary(grouping: names) { $0 }.map { (format: $0.key, count: $0.value.count) }
            .sorted { ($1.count, $0.format) < ($0.count, $1.format) }
    }

    /// Writes the file atomically.
    package func write(to url: URL) throws {
        try GGUFWriter.write(
            metadata: metadata,
            tensors: try parts.map { part in
                switch part.tensor.content {
                case .stored(let stored):
                    GGUFTensorToWrite(name: part.tensor.name, type: part.type, copying: stored)
                case .values(let values):
                    GGUFTensorToWrite(
                        name: part.tensor.name, type: part.type, shape: part.tensor.shape,
                        content: try Self.packed(values, part))
                }
            }, to: url)
    }

    private static func packed(_ values: @escaping GGUFModelTensor.Values, _ part: Part) throws
        -> GGUFTensorToWrite.Content
    {
        let name = part.tensor.name
        let columns = part.tensor.shape.last ?? 1
        guard let format = WeightFormat.named(part.type.name), let pack = format.pack else {
            throw TrainingError(
                .usage, "\(oneLine(name)): this version writes no weights of format \(part.type.name)")
        }
        return { append in
            try values { rows in
                guard let start = rows.baseAddress, rows.allSatisfy(\.isFinite) else {
                    throw TrainingError(
                        "\(oneLine(name)): there are values that are not finite; take another adapter")
                }
                let count = rows.count / columns
                guard let size = format.byteCount(rows: count, columns: columns) else {
                    preconditionFailure("\(name): \(columns) columns in blocks of \(format.blockWeights)")
                }
                let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 64)
                defer { bytes.deallocate() }
                guard let out = bytes.baseAddress else { return }
                pack(start, count, columns, out)
                try append(UnsafeRawBufferPointer(bytes))
            }
        }
    }

    /// Rows of a wrong order or of another tensor are farther from the values than these are themselves; no format of two
    /// bits and more rounds half of them away.
    private static let mostRounding = 0.5

    /// Opens a file that was written and compares each tensor with what it should hold.
    ///
    /// - Returns: of the tensors with new values, by format, how far they are from them.
    /// - Throws: `TrainingError` where a tensor holds something else.
    package func check(_ url: URL) throws -> [Rounding] {
        let file = try GGUFFile(url)
        var found: [Rounding] = []
        for part in parts {
            let name = part.tensor.name
            func fault(_ problem: String) -> TrainingError {
                TrainingError("\(oneLine(name)): \(problem); nothing was written")
            }
            guard let written = file.tensor(name), written.shape == part.tensor.shape else {
                throw fault("the written file does not have it as it is")
            }
            switch part.tensor.content {
            case .stored(let stored):
                guard written.isSame(as: stored) else { throw fault("the written file has other bytes") }
            case .values(let values):
                let error = try Self.rounding(written, values)
                guard error.isFinite, error < Self.mostRounding else {
                    throw fault(
                        "format \(part.type.name) cannot hold its values (relative error "
                            + "\(String(format: "%.2g", error))); give \(SettingName.mergedType) another one")
                }
                if let place = found.firstIndex(where: { $0.format == part.type.name }) {
                    found[place].add(error)
                } else {
                    found.append(Rounding(format: part.type.name, error))
                }
            }
            written.releasePages()
        }
        return found
    }

    /// The relative error of a written tensor.
    private static func rounding(_ written: StoredTensor, _ values: GGUFModelTensor.Values) throws -> Double {
        let columns = written.shape.last ?? 1
        let rows = written.shape.dropLast().reduce(1, *)
        guard let format = WeightFormat.named(written.format),
            format.byteCount(rows: rows, columns: columns) == written.bytes.count
        else { preconditionFailure("\(written.name) is of no format that was written") }
        let matrix = format.open(
            rows: rows, columns: columns, WeightBytes(written.bytes, of: written.owner))
        guard matrix.isFinite else { return .infinity }
        var error = PackingError()
        var first = 0
        try values { part in
            let count = part.count / columns
            let tile = Matrix(rows: count, columns: columns)
            matrix.unpack(first..<first + count, into: tile.pointer)
            withExtendedLifetime(tile) { error.add(tile.buffer, from: part) }
            first += count
        }
        return error.relative
    }

    /// How far the tensors of a format are from the values that they were rounded from, relative to these in the root mean
    /// square.
    package struct Rounding: Sendable {
        package let format: String
        package private(set) var count = 1
        package private(set) var largest: Double
        private var sum: Double
        package var mean: Double { sum / Double(count) }

        fileprivate init(format: String, _ error: Double) {
            (self.format, largest, sum) = (format, error, error)
        }

        fileprivate mutating func add(_ error: Double) {
            count += 1
            largest = max(largest, error)
            sum += error
        }
    }
}
