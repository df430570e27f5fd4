/// Which gradients the running averages of a measure observe.
package enum ObservedGradient: Sendable {
    /// None: the measure reads no averages, so nothing needs to be observed.
    case none
    /// The gradient the optimizer steps with: orthogonality term included, after clipping.
    case total
    /// The gradient of the task loss alone: without the orthogonality term and before clipping.
    case task
}
