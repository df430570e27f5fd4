import Autodiff
import Transformers

/// What a method trains beside a model's weights where it is no update of a matrix: it hangs on a hook of the backbone.
package protocol ModelPart: AnyObject, Sendable {
    /// What such parts are called, in the singular: `bottleneck adapter`
    var kind: String { get }
    /// The layer that it acts in; nil for what stands before all layers.
    var layer: Int? { get }
    /// In the order of the parameter vector
    var parameters: [Parameter] { get }
    /// Whether the model with it may answer otherwise than without it.
    var hasEffect: Bool { get }
    /// Puts it in its place, where another may have been.
    func hang(on backbone: any Backbone)
}

extension ModelPart {
    package var parameterCount: Int { parameters.reduce(0) { $0 + $1.values.count } }
}

extension AdapterSet {
    /// Parts alone, which are all of one method.
    package init(parts: [any ModelPart]) { self.init(adapters: [], layers: [], parts: parts) }

    /// Hangs the parts on their hooks.
    package func hangParts(on backbone: any Backbone) {
        for part in parts { part.hang(on: backbone) }
    }
}
