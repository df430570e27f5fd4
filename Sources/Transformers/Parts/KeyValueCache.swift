import Matrices

/// Keys and values of one sequence, layer by layer, so that a decoder reads further tokens of it without those before.
/// `Backbone.startCache` gives one; it belongs to that model with the adapters and hooks it has then.
package final class KeyValueCache {
    /// The tokens read so far.
    package private(set) var ids: [Int32] = []
    /// Rows of keys: tokens, and those of a prefix of the input.
    private(set) var rows = 0
    private var layers: [Layer]

    private struct Layer {
        /// [capacity, Ck] each, of which `rows` count.
        var keys: Matrix
        var values: Matrix
        var rows = 0
    }

    /// - Parameter columns: of keys and values, Ck.
    init(layers: Int, columns: Int) {
        let empty = Matrix(rows: 0, columns: columns)
        self.layers = Array(repeating: Layer(keys: empty, values: empty), count: layers)
    }

    /// All keys and values of a layer, once these are behind them.
    func extend(layer: Int, keys: Matrix, values: Matrix) -> (keys: Matrix, values: Matrix) {
        let before = layers[layer].rows
        let all = before + keys.rows
        layers[layer].keys = Self.room(for: all, before, layers[layer].keys)
        layers[layer].values = Self.room(for: all, before, layers[layer].values)
        layers[layer].rows = all
        let known = layers[layer]
        known.keys.rows(before..<all).copyValues(from: keys)
        known.values.rows(before..<all).copyValues(from: values)
        return (known.keys.rows(0..<all), known.values.rows(0..<all))
    }

    /// [N, Ck] each: those of a layer, of all tokens read so far.
    package func kept(inLayer layer: Int) -> (keys: Matrix, values: Matrix) {
        let known = layers[layer]
        return (known.keys.rows(0..<known.rows), known.values.rows(0..<known.rows))
    }

    /// Floats of all layers as it stands.
    package var elements: Int { layers.reduce(0) { $0 + $1.keys.count + $1.values.count } }

    /// Floats of all layers of a new one once it has read so many rows at once, then others one at a time.
    package func elements(reading rows: Int, thenSingly more: Int) -> Int {
        var capacity = 0
        for count in rows...rows + more { capacity = Self.capacity(for: count, having: capacity) }
        return layers.reduce(0) { $0 + ($1.keys.columns + $1.values.columns) * capacity }
    }

    /// Rows of room; twice as many where there are too few, so that a text is not copied at each of its tokens.
    private static func capacity(for rows: Int, having capacity: Int) -> Int {
        capacity >= rows ? capacity : max(rows, 2 * capacity, 64)
    }

    private static func room(for rows: Int, _ filled: Int, _ matrix: Matrix) -> Matrix {
        if matrix.rows >= rows { return matrix }
        let larger = Matrix(rows: capacity(for: rows, having: matrix.rows), columns: matrix.columns)
        larger.rows(0..<filled).copyValues(from: matrix.rows(0..<filled))
        return larger
    }

    /// Every layer has read these.
    func finish(_ ids: [Int32], rows: Int) {
        self.ids += ids
        self.rows += rows
    }

    /// Forgets the tokens; the memory stays.
    func removeAll() {
        ids = []
        rows = 0
        for layer in layers.indices { layers[layer].rows = 0 }
    }
}
