import Autodiff
import Matrices
import Messages
import ModelFiles

extension GGUFForm {
    /// The tensors of a model that is a Hugging Face folder: names and order of rows as llama.cpp has them, norms whole.
    ///
    /// - Parameter changed: weights with other values than those of the folder, and these.
    /// - Throws: `ModelFileError` for a weight that llama.cpp has no name for.
    package func tensors(
        of backbone: any Backbone, _ config: HFConfig,
        changed: [(weight: Weight, values: GGUFModelTensor.Values)]
    ) throws -> [GGUFModelTensor] {
        var values: [ObjectIdentifier: GGUFModelTensor.Values] = [:]
        for (weight, new) in changed { values[ObjectIdentifier(weight)] = new }
        var orders: [ObjectIdentifier: [Int]] = [:]
        let width = try headWidth(config)
        for layer in backbone.linearLayers where layer.rowOrder == nil {
            let order = rowOrder.rows(layer.site.role, rows: layer.outputs, width: width)
            for weight in [layer.weight, layer.bias].compactMap(\.self) {
                orders[ObjectIdentifier(weight)] = order
            }
        }
        let offset = (backbone as? RMSNormDecoder)?.traits.normOffset ?? 0
        // Rows of positions that no token has; an encoder's pooler is part of its classifier.
        let unused = (backbone as? PostNormEncoder)?.configuration.firstPosition ?? 0
        let pooler = [backbone.pooler?.weight, backbone.pooler?.bias].compactMap(\.self)
        let stored = backbone.weights.filter { weight in !pooler.contains { $0 === weight } }
        let weights = try stored.flatMap { weight in
            let own = backbone.architecture.wholeName(weight.name)
            if let names = storedHalves(own) {
                return Self.halved(
                    weight, values[ObjectIdentifier(weight)] ?? GGUFModelTensor.values(of: weight), names)
            }
            guard let stored = storedName(own) else {
                throw ModelFileError(
                    file: config.path, place: own,
                    problem: "\(quoted(name)) of llama.cpp has no place for this weight",
                    advice: "run the model where transformers runs it")
            }
            let id = ObjectIdentifier(weight)
            var content = values[id] ?? GGUFModelTensor.values(of: weight)
            let isVector = weight.savedShape.count < 2
            if stored == "position_embd.weight", unused > 0 {
                return [Self.withoutRows(unused, of: weight, content, name: stored)]
            }
            if isVector, offset != 0, own.hasSuffix(".weight") { content = Self.raised(content, by: offset) }
            if let order = orders[id] {
                content = Self.reordered(content, order, columns: isVector ? 1 : weight.columns)
            }
            return [
                GGUFModelTensor(
                    name: stored, shape: isVector ? [weight.count] : [weight.rows, weight.columns],
                    format: weight.format, content: .values(content))
            ]
        }
        return weights + rotaryTensors(of: backbone)
    }

    /// The first half of a matrix's rows and the second as two tensors.
    private static func halved(
        _ weight: Weight, _ values: @escaping GGUFModelTensor.Values, _ names: (first: String, second: String)
    ) -> [GGUFModelTensor] {
        let (half, columns) = (weight.rows / 2, weight.columns)
        func tensor(_ name: String, _ wanted: Range<Int>) -> GGUFModelTensor {
            GGUFModelTensor(
                name: name, shape: [wanted.count, columns], format: weight.format,
                content: .values { body in
                    var first = 0
                    try values { part in
                        let count = part.count / columns
                        let rows = wanted.clamped(to: first..<first + count)
                        let start = (rows.lowerBound - first) * columns
                        if !rows.isEmpty {
                            try body(
                                UnsafeBufferPointer(rebasing: part[start..<start + rows.count * columns]))
                        }
                        first += count
                    }
                })
        }
        return [tensor(names.first, 0..<half), tensor(names.second, half..<weight.rows)]
    }

    /// The rows of a matrix behind the first ones.
    private static func withoutRows(
        _ count: Int, of weight: Weight, _ values: @escaping GGUFModelTensor.Values, name: String
    ) -> GGUFModelTensor {
        GGUFModelTensor(
            name: name, shape: [weight.rows - count, weight.columns], format: weight.format,
            content: .values { body in
                var left = count * weight.columns
                try values { part in
                    let dropped = min(left, part.count)
                    left -= dropped
                    guard dropped < part.count else { return }
                    try body(UnsafeBufferPointer(rebasing: part[dropped...]))
                }
            })
    }

    private static func raised(_ values: @escaping GGUFModelTensor.Values, by offset: Float)
        -> GGUFModelTensor.Values
    {
        { body in
            try values { part in
                try part.map { $0 + offset }.withUnsafeBufferPointer(body)
            }
        }
    }

    /// - Parameter order: which row stands in each place.
    private static func reordered(
        _ values: @escaping GGUFModelTensor.Values, _ order: [Int], columns: Int
    ) -> GGUFModelTensor.Values {
        { body in
            let (whole, result) = (
                Matrix(rows: order.count, columns: columns), Matrix(rows: order.count, columns: columns)
            )
            var filled = 0
            try values { part in
                guard let start = part.baseAddress else { return }
                (whole.pointer + filled).update(from: start, count: part.count)
                filled += part.count
            }
            for (place, row) in order.enumerated() {
                result.row(place).update(from: whole.row(row), count: columns)
            }
            try withExtendedLifetime(result) { try body(result.buffer) }
        }
    }
}
