import Autodiff
import Matrices
import Transformers

/// What a bottleneck adapter of a layer is made of: A(x) = s·(up·act(down·x + b) + b').
struct BottleneckPair: Sendable {
    /// `[b, d]`, `[1, b]`
    let down, downBias: Parameter
    /// `[d, b]`, `[1, d]`
    let up, upBias: Parameter

    var parameters: [Parameter] { [down, downBias, up, upBias] }
    var width: Int { down.values.rows }

    /// Parameters of a pair of width b in a model of width d: 2·d·b + b + d
    static func parameterCount(width: Int, hidden: Int) -> Int { 2 * hidden * width + width + hidden }

    /// - Parameters:
    ///   - name: before those of its parameters
    ///   - values: in the order of `parameters`
    init(_ name: String, _ values: [Matrix]) {
        down = Parameter(name: "\(name).down", values: values[0])
        downBias = Parameter(name: "\(name).down.bias", vector: values[1])
        up = Parameter(name: "\(name).up", values: values[2])
        upBias = Parameter(name: "\(name).up.bias", vector: values[3])
    }

    static func shapes(width: Int, hidden: Int) -> [[Int]] {
        [[width, hidden], [width], [hidden, width], [hidden]]
    }
}

/// The bottleneck adapters of one layer.
///
/// Unchecked Sendable: values of parameters change only between steps.
final class BottleneckAdapter: ModelPart, BlockAdapter, @unchecked Sendable {
    let kind = "bottleneck adapter"
    var summary: String { "\(place.rawValue), width \(feedForward.width)" }
    let place: BottleneckKind
    let activation: BottleneckActivation
    /// s
    let scaling: Float
    let layer: Int?
    private let index: Int
    /// After attention; nil where there is none
    let attention: BottleneckPair?
    let feedForward: BottleneckPair

    init(
        _ place: BottleneckKind, _ activation: BottleneckActivation, scaling: Float, layer: Int,
        attention: BottleneckPair?, feedForward: BottleneckPair
    ) {
        precondition((attention != nil) == (place == .houlsby), "\(place) in layer \(layer)")
        self.place = place
        self.activation = activation
        self.scaling = scaling
        (self.layer, index) = (layer, layer)
        self.attention = attention
        self.feedForward = feedForward
    }

    /// By the part that each acts on, in the order of the layer
    var pairs: [(part: String, pair: BottleneckPair)] {
        (attention.map { [("attention", $0)] } ?? []) + [("output", feedForward)]
    }

    var parameters: [Parameter] { pairs.flatMap(\.pair.parameters) }

    var hasEffect: Bool {
        pairs.contains { _, pair in
            [pair.up, pair.upBias].contains { parameter in
                (0..<parameter.values.count).contains { parameter.values.pointer[$0] != 0 }
            }
        }
    }

    func hang(on backbone: any Backbone) { backbone.hooks.blocks[index] = self }

    /// Its own input is the update (Houlsby), the sum that the update ends in (Pfeiffer), or what it is added to (parallel).
    func output(of update: Variable, in sum: BlockSum, on tape: Tape) -> Variable {
        guard let pair = sum.part == .attention ? attention : feedForward else { return update }
        let input =
            switch place {
            case .houlsby: update
            case .pfeiffer: sum.total(update, on: tape)
            case .parallel: sum.residual
            }
        let narrow = activation(tape.linear(input, weight: pair.down, bias: pair.downBias), on: tape)
        let wide = tape.linear(narrow, weight: pair.up, bias: pair.upBias)
        return tape.add(update, scaling == 1 ? wide : tape.scaled(wide, by: scaling))
    }
}

extension BottleneckAdapter {
    /// Fresh ones as AdapterHub's library makes them: N(0, .02²), or for parallel ones up = 0 and down by Kaiming-uniform with
    /// a = √5, which is U(±1/√d); biases 0.
    static func fresh(_ settings: BottleneckSettings, hidden: Int, layer: Int, seed: UInt64)
        throws -> BottleneckAdapter
    {
        let width = try settings.width(of: hidden)
        func pair(_ part: String, _ number: Int) -> BottleneckPair {
            let (down, up) = (
                Matrix(rows: width, columns: hidden), Matrix(rows: hidden, columns: width)
            )
            var stream = RandomStream(seed: seed, purpose: "initialize bottleneck", indices: [layer, number])
            if settings.kind == .parallel {
                stream.fillUniform(down, bound: 1 / Double(hidden).squareRoot())
            } else {
                stream.fillNormal(down, deviation: 0.02)
                stream.fillNormal(up, deviation: 0.02)
            }
            return BottleneckPair(
                name(layer, part),
                [down, Matrix(rows: 1, columns: width), up, Matrix(rows: 1, columns: hidden)])
        }
        return BottleneckAdapter(
            settings.kind, settings.kind.activation, scaling: Float(settings.resolvedScaling), layer: layer,
            attention: settings.kind == .houlsby ? pair("attention", 0) : nil, feedForward: pair("output", 1))
    }

    static func name(_ layer: Int, _ part: String) -> String { "layers.\(layer).\(part).bottleneck" }
}
