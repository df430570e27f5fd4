import Matrices
import Messages
import ModelFiles

/// The files of a folder whose weights are packed.
extension PackedBase {
    /// All tensors of the model's own files as they are to be written: packed matrices, and whatever else there is byte for byte.
    ///
    /// - Parameter store: that the model was opened from.
    package func tensors(of store: TensorStore) throws -> [TensorToWrite] {
        let packed = try packed(in: store)
        return store.names.flatMap { name -> [TensorToWrite] in
            if let entry = packed[name] { return entry.tensors(named: name) }
            return store.tensor(name).map { [TensorToWrite(copying: $0)] } ?? []
        }
    }

    /// By the names of tensors. What is there twice is packed twice: readers tell by equal tensors whether weights are tied.
    private func packed(in store: TensorStore) throws -> [String: Entry] {
        let originals = try entries.map { entry in
            guard let stored = store.tensor(entry.name) ?? store.tensor(entry.storedName) else {
                throw ModelFileError(
                    file: store.path, place: "tensor \(quoted(entry.name))",
                    problem: "no tensor of this name holds the weight",
                    advice: "save the model again with a transformers of today")
            }
            return (entry: entry, stored: stored)
        }
        var packed: [String: Entry] = [:]
        for (entry, stored) in originals { packed[stored.name] = entry }
        let byShape = Dictionary(grouping: originals) { $0.stored.shape }
        for name in store.names where packed[name] == nil {
            guard let stored = store.tensor(name) else { continue }
            packed[name] = (byShape[stored.shape] ?? []).first { stored.isSame(as: $0.stored) }?.entry
        }
        return packed
    }

    /// What `config.json` says of the packing, and what no longer holds (nil).
    ///
    /// - Parameters:
    ///   - store: that the model was opened from.
    ///   - architecture: the model's.
    package func configuration(of store: TensorStore, _ architecture: Architecture) throws
        -> [(key: String, value: JSONValue?)]
    {
        [
            ("quantization_config", try packing(store, architecture).map { .object($0) }),
            (BaseFormat.key, .string(format.name)),
        ]
    }

    private func packing(_ store: TensorStore, _ architecture: Architecture) throws -> JSONObject? {
        let packed = try packed(in: store)
        let names = Dictionary(grouping: packed.keys.sorted()) { packed[$0]?.format ?? "" }
        if names[NF4Weight.formatName] != nil { return bitsAndBytes(packed, store, architecture) }
        return format.isForTransformers ? nil : BlockTensors.configuration(names)
    }

    /// transformers takes every linear layer for packed that is not named here.
    private func bitsAndBytes(_ packed: [String: Entry], _ store: TensorStore, _ architecture: Architecture)
        -> JSONObject
    {
        let plain = store.tensors.filter { info in
            info.shape.count > 1 && info.name.hasSuffix(".weight") && packed[info.name] == nil
        }.map { info in
            let name = info.name.dropLast(".weight".count)
            return String(
                name.hasPrefix(architecture.prefix) ? name.dropFirst(architecture.prefix.count) : name)
        }
        let skipped = architecture.headModules.union(plain).sorted()
        return [
            "quant_method": .string("bitsandbytes"), "load_in_4bit": .bool(true),
            "load_in_8bit": .bool(false), "_load_in_4bit": .bool(true), "_load_in_8bit": .bool(false),
            "bnb_4bit_quant_type": .string("nf4"), "bnb_4bit_use_double_quant": .bool(true),
            "bnb_4bit_compute_dtype": .string("float32"), "bnb_4bit_quant_storage": .string("uint8"),
            "llm_int8_enable_fp32_cpu_offload": .bool(false), "llm_int8_has_fp16_weight": .bool(false),
            "llm_int8_skip_modules": .array(skipped.map { .string($0) }),
        ]
    }
}

extension PackedBase.Entry {
    /// Values of their own stand as the model has them, also where that is [I, O]; blocks of several as layers read them.
    fileprivate func tensors(named name: String) -> [TensorToWrite] {
        guard isStoredTransposed, let part = parts.first, part.elementType != .uint8,
            let turned = TransposedBytes.of(
                part.bytes.raw, rows: rows, columns: columns, elementBytes: part.elementType.byteCount)
        else { return parts.map { $0.tensor(of: name) } }
        return [
            TensorToWrite(
                name: name, elementType: part.elementType, shape: [columns, rows], bytes: turned)
        ]
    }
}
