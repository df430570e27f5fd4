import Autodiff
import Messages

/// Where bottleneck adapters act, with the defaults of AdapterHub's library for each.
package enum BottleneckKind: String, CaseIterable, Sendable {
    /// After attention and after the feed-forward network of each layer (Houlsby et al. 2019): `double_seq_bn`
    case houlsby
    /// After the feed-forward network, on what the layer gives (Pfeiffer et al. 2021): `seq_bn`
    case pfeiffer
    /// Beside the feed-forward network, on what it is added to (He et al. 2022): `par_bn`
    case parallel

    /// ⌊d / this⌋ is the width.
    package var usualReductionFactor: Double { self == .parallel ? 2 : 16 }
    /// s
    package var usualScaling: Double { self == .parallel ? 4 : 1 }
    var activation: BottleneckActivation { self == .houlsby ? .swish : .relu }
}

/// What stands between the two products of a bottleneck adapter, by the names of AdapterHub's library.
enum BottleneckActivation: String, CaseIterable, Sendable {
    case relu, swish, gelu
    case geluNew = "gelu_new"
    case tanh

    func callAsFunction(_ x: Variable, on tape: Tape) -> Variable {
        switch self {
        case .relu: tape.relu(x)
        case .swish: tape.silu(x)
        case .gelu: tape.gelu(x)
        case .geluNew: tape.gelu(x, form: .tanh)
        case .tanh: tape.tanh(x)
        }
    }
}

package struct BottleneckSettings: Sendable, Equatable {
    package var kind = BottleneckKind.pfeiffer
    /// b; nil follows from the reduction factor.
    package var width: Int?
    /// nil for the kind's usual one
    package var reductionFactor: Double?
    /// s; nil for the kind's usual one
    package var scaling: Double?

    package init() {}

    static let widths = 1...100_000

    /// b for a model of width d. Throws where a factor makes it wider than `bottleneck-width` may be.
    package func width(of hidden: Int) throws -> Int {
        if let width { return width }
        let factor = reductionFactor ?? kind.usualReductionFactor
        let wanted = Double(hidden) / factor
        guard wanted <= Double(Self.widths.upperBound) else {
            throw AdapterError(
                description:
                    "\(SettingName.reductionFactor) \(Figures.plain(factor)) makes bottleneck adapters wider than "
                    + "\(Figures.grouped(Self.widths.upperBound)) in a model of width \(hidden); give a larger one"
            )
        }
        return max(1, Int(wanted))
    }

    var knob: Knob {
        width.map { Knob("width", String($0)) }
            ?? Knob("reduction factor", Figures.plain(reductionFactor ?? kind.usualReductionFactor))
    }

    package var resolvedScaling: Double { scaling ?? kind.usualScaling }
}
