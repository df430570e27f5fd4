import Matrices
import Messages
import ModelFiles

/// Tensors of bitsandbytes' checkpoints, each checked for type and size.
struct BitsAndBytesFile {
    private let store: TensorStore

    init(_ store: TensorStore) { self.store = store }

    static let advice = "the file is damaged or badly written: download the model again"

    func fault(_ name: String, _ problem: String, _ advice: String = Self.advice) -> ModelFileError {
        ModelFileError(file: store.path, place: "tensor \(quoted(name))", problem: problem, advice: advice)
    }

    /// The tensor of this name, where it is of this type (of any, for nil, as `quant_storage` allows) and so many bytes.
    ///
    /// - Parameter what: that takes as many bytes, for the message.
    func bytes(_ name: String, of type: ElementType?, count: Int, _ what: String) throws -> WeightBytes {
        let (info, stored) = try find(name)
        if let type, info.elementType != type {
            throw fault(name, "the elements are \(info.elementType.rawValue), needed are \(type.rawValue)")
        }
        guard info.byteCount == count else {
            throw fault(name, "the tensor has \(info.byteCount) bytes, \(what) take \(count)")
        }
        return WeightBytes(stored.bytes, of: stored.owner) { stored.releasePages() }
    }

    /// Float32.
    func floats(_ name: String, count: Int) throws -> WeightBytes {
        let (info, _) = try find(name)
        guard info.elementCount == count else {
            throw fault(name, "the tensor has \(info.elementCount) values, needed are \(count)")
        }
        return try bytes(name, of: .float32, count: 4 * count, "\(count) values")
    }

    /// A few values of Float32 that must be finite.
    func values(_ name: String, count: Int) throws -> [Float] {
        let bytes = try floats(name, count: count)
        let values = (0..<count).map { bytes.raw.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
        guard values.allSatisfy(\.isFinite) else { throw fault(name, "it holds NaN or infinite values") }
        return values
    }

    /// [O, I] of a matrix of signed bytes, with O scales.
    func int8Shape(_ name: String, scales: String) throws -> (rows: Int, columns: Int) {
        guard let info = store.info(name) else {
            throw fault(scales, "there is no \(quoted(name)) that these are the scales of")
        }
        guard info.shape.count == 2, info.elementCount > 0 else {
            throw fault(name, "the shape \(info.shape) is none of a matrix of signed bytes")
        }
        return (info.shape[0], info.shape[1])
    }

    private func find(_ name: String) throws -> (TensorInfo, StoredTensor) {
        guard let info = store.info(name), let stored = store.tensor(name) else {
            throw fault(name, "missing, and needed to unpack the weights")
        }
        return (info, stored)
    }

    // MARK: - The state

    private static let longestState = 1 << 16

    /// The JSON object in the bytes of a tensor.
    func json(_ name: String) throws -> JSONObject {
        let (info, stored) = try find(name)
        guard info.elementType == .uint8, info.byteCount <= Self.longestState else {
            throw fault(
                name, "these are \(info.byteCount) bytes of \(info.elementType.rawValue), not a text of JSON")
        }
        do {
            guard let object = try JSONValue.parse(stored.bytes).object else {
                throw fault(name, "the text is not a JSON object")
            }
            return object
        } catch let error as JSONError {
            throw fault(name, "byte \(error.offset): \(error.problem)")
        }
    }
}
