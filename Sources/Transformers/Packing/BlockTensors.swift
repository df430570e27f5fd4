import Matrices
import Messages
import ModelFiles

/// The tensors of a folder some of whose matrices are ggml's blocks, for which safetensors files have no type: [O, B] of bytes
/// U8, B of which are the blocks of a row. The folder's `config.json` says which and in what format:
///
///     "quantization_config": {"quant_method": "adalora", "formats": {"Q8_0": ["encoder.layer.0.….weight", …]}}
///
/// No other program opens such a folder, and transformers says so by the name of the method.
package final class BlockTensors: MatrixSource {
    package static let method = "adalora"
    private static let formatsKey = "formats"

    package var path: String { store.path }
    package var names: [String] { store.names }
    private let store: TensorStore
    private let formats: [String: WeightFormat]

    /// Formats and the names of their matrices, as the configuration says them.
    static func configuration(_ names: [String: [String]]) -> JSONObject {
        var formats = JSONObject()
        for (format, names) in names.sorted(by: { $0.key < $1.key }) {
            formats[format] = .array(names.map { .string($0) })
        }
        return ["quant_method": .string(method), formatsKey: .object(formats)]
    }

    /// The formats by the names of their matrices.
    ///
    /// - Parameter fault: an error of the configuration.
    static func formats(_ value: JSONValue, _ fault: (String) -> ModelFileError) throws -> [String: String] {
        guard let object = value[formatsKey]?.object, !object.isEmpty else {
            throw fault("there are no \(quoted(formatsKey))")
        }
        var formats: [String: String] = [:]
        for (format, list) in object.members {
            guard let names = list.array, !names.isEmpty else {
                throw fault("\(quoted(format)) is no list of tensors")
            }
            for name in names {
                guard let name = name.string, formats.updateValue(format, forKey: name) == nil else {
                    throw fault(
                        "\(quoted(format)): \(oneLine(name.text(), limit: 80)) is no name, or is given twice")
                }
            }
        }
        return formats
    }

    /// Throws `ModelFileError` naming a tensor that is no blocks of its format.
    ///
    /// - Parameter formats: by the names of the tensors.
    package init(_ store: TensorStore, formats: [String: String]) throws {
        self.store = store
        self.formats = try Dictionary(
            uniqueKeysWithValues: formats.sorted { $0.key < $1.key }.map { name, format in
                (name, try Self.format(format, of: name, in: store))
            })
    }

    private static func format(_ name: String, of tensor: String, in store: TensorStore) throws
        -> WeightFormat
    {
        func fault(_ problem: String) -> ModelFileError {
            ModelFileError(
                file: store.path, place: "tensor \(quoted(tensor))", problem: problem,
                advice: "pack the model again, or copy the whole folder again")
        }
        guard let format = WeightFormat.named(name), format.blockWeights > 1 else {
            throw fault("config.json says that it is of the format \(quoted(name)), which is none of blocks")
        }
        guard let info = store.info(tensor) else {
            throw fault("missing, though config.json says that it is \(name)")
        }
        guard info.elementType == .uint8, info.shape.count == 2 else {
            throw fault("it is \(info.elementType.rawValue) \(info.shape), not rows of bytes of \(name)")
        }
        guard info.shape[1] > 0, info.shape[1].isMultiple(of: format.blockBytes) else {
            throw fault(
                "its rows have \(info.shape[1]) bytes, which are no whole blocks of \(name) (\(format.blockBytes))"
            )
        }
        return format
    }

    package func tensor(_ name: String) -> StoredTensor? {
        guard let stored = store.tensor(name), let format = formats[name] else { return store.tensor(name) }
        let columns = stored.shape[1] / format.blockBytes * format.blockWeights
        return stored.described(format: format.name, shape: [stored.shape[0], columns])
    }

    package func matrix(_ name: String) -> (any FrozenMatrix)? {
        guard let format = formats[name], let tensor = tensor(name) else { return nil }
        return format.open(
            rows: tensor.shape[0], columns: tensor.shape[1],
            WeightBytes(tensor.bytes, of: tensor.owner) { tensor.releasePages() })
    }

    package func copyFloat32(_ name: String, into destination: UnsafeMutableBufferPointer<Float>) throws {
        guard let matrix = matrix(name) else { return try store.copyFloat32(name, into: destination) }
        precondition(
            destination.count == matrix.rows * matrix.columns,
            "tensor \(name) has \(matrix.rows * matrix.columns) elements, the destination has \(destination.count)"
        )
        guard let base = destination.baseAddress else { return }
        matrix.unpack(0..<matrix.rows, into: base)
    }
}
